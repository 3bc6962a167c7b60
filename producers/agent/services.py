"""What the devices of one agent share."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from producers.agent.clock import AgentClock
from producers.agent.configuration import WhenFull
from producers.agent.link import Pace
from producers.agent.spool import Spool
from weir.mqtt.tls import RenewableContext


@dataclass(frozen=True, slots=True)
class Services:
    """The spool, the clock and the way to the broker.

    `acknowledged`: called with the number of readings that the broker has taken.
    """

    spool: Spool
    clock: AgentClock
    pace: Pace
    tls: RenewableContext | None
    when_full: WhenFull
    rng: random.Random
    acknowledged: Callable[[int], object]
