"""What every router works with."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import Depends, Request

from gateway.live.feed import LiveFeed
from gateway.rate_limits import REQUEST_RATE, Rate
from weir.accounts.passwords import Passwords
from weir.clock import Clock
from weir.config import Settings
from weir.ports import Republisher
from weir.postgres.queries import Pool
from weir.rabbitmq.republisher import RabbitmqRepublisher


@dataclass(frozen=True, slots=True)
class Context:
    """The database to ask, the clock to go by, and the installation's own token, if it has one.

    `republisher`: what replays dead letters; the default has no broker, and says so.
    `live`: where live streams come from; the default has no log, and says so.
    `passwords`: hashes them, slowly.
    `request_rate`: how often one credential may be used.
    `settings`: the gateway's own, for whoever looks for faults.
    """

    pool: Pool
    clock: Clock
    token: str | None = None
    republisher: Republisher = field(default_factory=partial(RabbitmqRepublisher, None))
    live: LiveFeed = field(default_factory=LiveFeed)
    passwords: Passwords = field(default_factory=Passwords)
    request_rate: Rate = REQUEST_RATE
    settings: Settings = field(default_factory=Settings)

    def now(self) -> datetime:
        """Give the present instant, UTC."""
        return self.clock.now()


def _context_of(request: Request) -> Context:
    context = request.app.state.context
    assert isinstance(context, Context)  # noqa: S101 - `create_app` has put it there
    return context


#: A parameter of a route that needs the context.
InContext = Annotated[Context, Depends(_context_of)]
