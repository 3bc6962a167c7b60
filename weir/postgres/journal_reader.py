"""Read the journal as it grows."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from weir.events.event import JournalRecord
from weir.postgres.claims import KEEPALIVE
from weir.postgres.errors import translated
from weir.postgres.journal import CHANNEL
from weir.postgres.pool import CONNECT_TIMEOUT_S

#: Reading a page takes milliseconds; longer means that the database is away.
READ_TIMEOUT_S = 20.0

COLUMNS = """
    position, entity, entity_id, entity_version, type, type_version, data, actor, correlation_id,
    causation_id, recorded_at
    """
_END = "SELECT coalesce(max(position), 0) FROM journal"
_READ = f"""
    SELECT {COLUMNS} FROM journal
    WHERE position BETWEEN $1 AND $2 AND (cardinality($3::text[]) = 0 OR type = ANY($3))
    ORDER BY position LIMIT $4
    """  # noqa: S608 - only constants are put together


@dataclass(frozen=True, slots=True)
class JournalPage:
    """Events in their order; every event before `next_position` that was wanted has been given."""

    records: Sequence[JournalRecord]
    next_position: int


class PostgresJournalReader:
    """Reads over one connection, which also listens; made by `open_journal`."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._woken = asyncio.Event()

    async def listen(self) -> None:
        """Begin to be woken by what is appended, and by the loss of the connection."""
        self._connection.add_termination_listener(lambda _: self._woken.set())
        await self._connection.add_listener(CHANNEL, lambda *_: self._woken.set())

    async def read(self, start: int, types: Sequence[str], limit: int) -> JournalPage:
        """Give events from position `start` on, of `types` or all, at most `limit`.

        Raises:
            StoreUnavailableError: this reader is of no more use.
        """
        with translated():
            # Positions become visible in their order: nothing will ever appear before this one.
            end = await self._connection.fetchval(_END)
            rows = await self._connection.fetch(_READ, start, end, types, limit)
        records = [record_of(row) for row in rows]
        reached = records[-1].position if len(records) == limit else end
        return JournalPage(records, max(start, reached + 1))

    async def wait(self, timeout_s: float) -> None:
        """Wait until something was appended since the last wait, or for `timeout_s` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        self._woken.clear()


@asynccontextmanager
async def open_journal(url: str) -> AsyncIterator[PostgresJournalReader]:
    """Read the journal until the block ends.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=READ_TIMEOUT_S,
            server_settings={"application_name": "weir journal", "timezone": "UTC", **KEEPALIVE},
        )
    try:
        reader = PostgresJournalReader(connection)
        with translated():
            await reader.listen()
        yield reader
    finally:
        connection.terminate()


def record_of(row: asyncpg.Record) -> JournalRecord:
    """Make a record of a row with `COLUMNS`."""
    return JournalRecord(**{**row, "data": json.loads(row["data"])})
