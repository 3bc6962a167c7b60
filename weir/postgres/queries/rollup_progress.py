"""How far the rollups have come, and what of them is to be computed again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.postgres.pool import Connection
from weir.postgres.queries._read import fetch, fetch_row, snapshot
from weir.postgres.queries.kept import find_tail
from weir.postgres.rollup_requests import Reason

#: PostgreSQL's bigint.
REQUEST_ID_MAX = 2**63 - 1

_ROLLED_UNTIL = "SELECT min(rolled_until) FROM rollup_progress"
_STREAMS = """
    SELECT stream, written.next_offset, coalesce(rolled.next_offset, 0)
    FROM (SELECT * FROM stream_offset WHERE consumer = 'measurements') AS written
    LEFT JOIN (SELECT * FROM stream_offset WHERE consumer = 'aggregates') AS rolled USING (stream)
    ORDER BY stream
    """
#: In the order in which they are worked off.
_OPEN = """
    SELECT request_id, serial, field, reason, requested_at,
           nullif(since, '-infinity') AS since, nullif(until, 'infinity') AS until,
           nullif(done_until, '-infinity') AS done_until
    FROM rollup_request JOIN series USING (series_id) JOIN device USING (device_id)
    WHERE request_id > $1 AND request_id <= $2 ORDER BY request_id LIMIT $3
    """
_COUNT_OPEN = "SELECT count(*) FROM rollup_request WHERE request_id <= $1"


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """How far a stream was written, and rolled up: everything before these offsets."""

    stream: str
    written_offset: int
    rolled_offset: int


@dataclass(frozen=True, slots=True)
class RollupProgress:
    """How far the rollups are at one moment.

    Attributes:
        rolled_until: before when everything that the broker took is rolled up; None: not known.
        settled_until: buckets that end until then are complete, save for what comes late.
        streams: those that the measurement writer has read.
    """

    rolled_until: datetime | None
    settled_until: datetime | None
    streams: Sequence[StreamProgress]


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Rollups of a series that are to be computed again; a time that is None has no end."""

    request_id: int
    serial: str
    field: str
    reason: Reason
    requested_at: datetime
    since: datetime | None
    until: datetime | None
    done_until: datetime | None


async def show_progress(pool: asyncpg.Pool) -> RollupProgress:
    """Tell how far the rollups have come.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with snapshot(pool) as connection:
        return await read_progress(connection)


async def read_progress(connection: Connection) -> RollupProgress:
    """Tell how far the rollups have come, in the caller's snapshot."""
    rows = await connection.fetch(_STREAMS)
    return RollupProgress(
        rolled_until=await connection.fetchval(_ROLLED_UNTIL),
        settled_until=await find_tail(connection),
        streams=[StreamProgress(*row) for row in rows],
    )


async def list_requests(
    pool: asyncpg.Pool, after_id: int, last_id: int, limit: int
) -> list[OpenRequest]:
    """Give open requests in the order in which they are worked off.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(pool, _OPEN, after_id, last_id, limit)
    return [OpenRequest(**dict(row) | {"reason": Reason(row["reason"])}) for row in rows]


async def count_requests(pool: asyncpg.Pool, last_id: int) -> int:
    """Count the open requests up to this one.

    Raises:
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _COUNT_OPEN, last_id)
    return int(row[0]) if row else 0
