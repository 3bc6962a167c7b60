"""Tells many who wait at once that the journal has grown, over one connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from weir.errors import StoreUnavailableError, TooManyRequestsError
from weir.postgres.errors import translated
from weir.postgres.journal import CHANNEL

#: Who may wait at the same time, in one process.
WAITER_COUNT_MAX = 100
#: Makes up for a ring that was lost with its connection.
LOOK_INTERVAL_S = 2.0
#: Of many rings in a row one is heard.
_REST_S = 0.05
_BUSY_RETRY_S = 5.0


class JournalBell:
    """Rings whenever something was appended; listens only while somebody waits."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._rung = asyncio.Event()
        self._opening = asyncio.Lock()
        self._waiter_count = 0
        self._connection: PoolConnectionProxy[asyncpg.Record] | None = None
        self.is_closed = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen for the time of the block: what is appended in it is heard by `wait`.

        Raises:
            TooManyRequestsError: too many wait already.
            StoreUnavailableError: try again later.
        """
        if self._waiter_count >= WAITER_COUNT_MAX:
            raise TooManyRequestsError(
                f"{WAITER_COUNT_MAX} requests wait already: ask without waiting",
                retry_after_s=_BUSY_RETRY_S,
            )
        self._waiter_count += 1
        try:
            async with self._opening:
                await self._open()
            yield
        finally:
            self._waiter_count -= 1
            if not self._waiter_count:
                async with self._opening:
                    await self._close()

    async def wait(self, timeout_s: float) -> None:
        """Return when something was appended, when it is time to look, or the bell is closed."""
        if self.is_closed:
            return
        rung = self._rung
        with suppress(TimeoutError):
            async with asyncio.timeout(min(timeout_s, LOOK_INTERVAL_S)):
                await rung.wait()
                await asyncio.sleep(_REST_S)

    def close(self) -> None:
        """Let nobody wait any more."""
        self.is_closed = True
        self._ring()

    async def _open(self) -> None:
        if self._connection is not None and not self._connection.is_closed():
            return
        with translated():
            self._connection = await self._pool.acquire()
            await self._connection.add_listener(CHANNEL, self._ring)

    async def _close(self) -> None:
        if self._waiter_count or self._connection is None:
            return
        connection, self._connection = self._connection, None
        with suppress(StoreUnavailableError), translated():
            if not connection.is_closed():
                await connection.remove_listener(CHANNEL, self._ring)
        with suppress(StoreUnavailableError), translated():
            await self._pool.release(connection)

    def _ring(self, *_: object) -> None:
        self._rung.set()
        self._rung = asyncio.Event()
