"""Say once that something is away, wait longer each time, and say once that it is back."""

import asyncio
import random

import structlog

from weir.errors import WeirError
from weir.runtime.backoff import Backoff

log = structlog.get_logger()


class Outage:
    """One dependency's present or last outage, of the broker or the database."""

    def __init__(self) -> None:
        self._backoff = Backoff(random.Random())  # noqa: S311 - jitter is no secret
        self._since: float | None = None
        self._is_told = False

    async def wait(self, error: WeirError) -> None:
        """Log the first failure of an outage, then wait a while."""
        if self._since is None:
            self._since = asyncio.get_running_loop().time()
        if not self._is_told:
            self._is_told = True
            log.warning("dependency_lost", error_type=type(error).__name__, error=str(error))
        await asyncio.sleep(self._backoff.next_s())

    def tell_again(self) -> None:
        """Log the next failure too: somebody has tried to mend it, and wants to know."""
        self._is_told = False

    def over(self) -> None:
        """Note that it works; logs the recovery when there was an outage."""
        self._backoff.reset()
        self._is_told = False
        if self._since is None:
            return
        outage_s = asyncio.get_running_loop().time() - self._since
        self._since = None
        log.info("dependency_recovered", outage_s=round(outage_s, 3))
