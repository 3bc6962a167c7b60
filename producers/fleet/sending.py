"""Send what a fleet is to send, when it is due, and book what the broker has taken."""

import asyncio
import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from producers.fleet.account import AccountBook
from producers.fleet.faults import Fault
from producers.fleet.plan import FleetPlan, Planned, encode, messages
from weir.clock import Clock, to_us
from weir.codec.registry import encode_announcement
from weir.errors import BrokerUnavailableError
from weir.mqtt.address import MqttAddress
from weir.runtime.publisher import DevicePublisher
from weir.runtime.waiting import run_until

_SECOND_US = 1_000_000
#: How long a broker may acknowledge nothing before we give up.
PATIENCE_S = 60.0
#: Behind its schedule by more than this, a fleet says so.
BEHIND_S_MAX = 1.0


@dataclass(frozen=True, slots=True, order=True)
class _Due:
    at_us: int
    #: What is due at the same moment leaves in the order in which it was planned.
    number: int
    index: int = field(compare=False)
    planned: Planned = field(compare=False)
    is_first: bool = field(compare=False)


@dataclass(frozen=True, slots=True)
class Span:
    """A time: from `start_us` to before `end_us`, microseconds since 1970-01-01 UTC."""

    start_us: int
    end_us: int


@dataclass
class Progress:
    """How far it is; `behind_s`: how much later than planned messages leave."""

    behind_s: float = 0.0


class Fleet:
    """One run of a fleet.

    Args:
        plan: what it sends.
        addresses: a connection for each; devices are shared out among them.
        clock: tells when something is due.
        book: takes the account.
        span: when messages are due; what is late is still sent after it.
    """

    def __init__(
        self,
        plan: FleetPlan,
        addresses: Sequence[MqttAddress],
        clock: Clock,
        book: AccountBook,
        span: Span,
    ) -> None:
        self.progress = Progress()
        self._plan = plan
        self._addresses = addresses
        self._clock = clock
        self._book = book
        self._span = span
        self._serials = [plan.serial(index) for index in range(plan.devices)]
        self._publishers: list[DevicePublisher] = []
        self._heap: list[_Due] = []
        self._number = 0
        #: Of devices whose message waits for the next one.
        self._held: dict[int, Planned] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Connect, announce, send until the end or until `stop`, and wait for acknowledgements.

        Raises:
            ConfigError: the broker refuses the user or the password.
            BrokerUnavailableError: it cannot be reached, or acknowledges nothing any more.
        """
        async with AsyncExitStack() as stack:
            for address in self._addresses:
                publisher = DevicePublisher(address, patience_s=PATIENCE_S)
                self._publishers.append(await stack.enter_async_context(publisher))
            await run_until(stop, self._announce())
            sources = [
                messages(self._plan, index, self._span.start_us)
                for index in range(self._plan.devices)
            ]
            await run_until(stop, self._send_all(sources))
            for publisher in self._publishers:
                await publisher.flush()

    async def _announce(self) -> None:
        for index in range(self._plan.devices):
            body = encode_announcement(self._plan.announcement(index))
            await self._publish(index, "registry", body, None)

    async def _send_all(self, sources: Sequence[Iterator[Planned]]) -> None:
        for index, source in enumerate(sources):
            self._plan_next(index, source)
        while self._heap:
            due = heapq.heappop(self._heap)
            ahead_s = (due.at_us - to_us(self._clock.now())) / _SECOND_US
            self.progress.behind_s = max(0.0, -ahead_s)
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            if due.is_first:
                await self._send_first(due)
                self._plan_next(due.index, sources[due.index])
            else:
                await self._send(due.index, due.planned)
        for index, planned in self._held.items():
            await self._send(index, planned)
        self._held.clear()

    def _plan_next(self, index: int, source: Iterator[Planned]) -> None:
        planned = next(source)
        if planned.due_us < self._span.end_us:
            self._push(planned.due_us, index, planned, is_first=True)

    def _push(self, at_us: int, index: int, planned: Planned, *, is_first: bool) -> None:
        self._number += 1
        heapq.heappush(self._heap, _Due(at_us, self._number, index, planned, is_first))

    async def _send_first(self, due: _Due) -> None:
        index, planned = due.index, due.planned
        serial = self._serials[index]
        self._book.book(serial, planned)
        held = self._held.pop(index, None)
        match planned.fault:
            case Fault.MISSING:
                pass
            case Fault.LATE:
                self._push(planned.due_us + planned.delay_us, index, planned, is_first=False)
            case Fault.OUT_OF_ORDER:
                self._held[index] = planned
            case Fault.DUPLICATE:
                await self._send(index, planned)
                self._push(planned.due_us + planned.delay_us, index, planned, is_first=False)
            case None:
                await self._send(index, planned)
        if held is not None:
            await self._send(index, held)
        if planned.garbage:
            acknowledge = partial(self._book.acknowledge_garbage, serial, planned.sequence)
            await self._publish(index, "measurements", planned.garbage, acknowledge)

    async def _send(self, index: int, planned: Planned) -> None:
        acknowledge = partial(self._book.acknowledge, self._serials[index], planned.sequence)
        body = encode(self._plan, planned, to_us(self._clock.now()))
        await self._publish(index, "measurements", body, acknowledge)

    async def _publish(
        self, index: int, kind: str, body: bytes, acknowledge: Callable[[], object] | None
    ) -> None:
        publisher = self._publishers[index % len(self._publishers)]
        await publisher.publish_as(self._serials[index], kind, body, acknowledge)


async def run_fleet(fleet: Fleet, stop: asyncio.Event) -> BrokerUnavailableError | None:
    """Run a fleet; what the broker has not acknowledged in the end is given, not raised.

    Raises:
        ConfigError: the broker refuses the user or the password.
    """
    try:
        await fleet.run(stop)
    except BrokerUnavailableError as error:
        return error
    return None
