"""What every router works with."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from weir.clock import Clock
from weir.postgres.queries import Pool


@dataclass(frozen=True, slots=True)
class Context:
    """The database to ask, the clock to go by, and the token that clients must show."""

    pool: Pool
    clock: Clock
    token: str

    def now(self) -> datetime:
        """Give the present instant, UTC."""
        return self.clock.now()


def _context_of(request: Request) -> Context:
    context = request.app.state.context
    assert isinstance(context, Context)  # noqa: S101 - `create_app` has put it there
    return context


#: A parameter of a route that needs the context.
InContext = Annotated[Context, Depends(_context_of)]
