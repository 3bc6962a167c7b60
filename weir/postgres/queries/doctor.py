"""What a database tells about itself to somebody who looks for faults."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.postgres.queries._read import fetch

_FACTS = """
    SELECT current_setting('server_version') AS version,
           (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb
    """
_TIME = "SELECT clock_timestamp() AS now"
_SIZE = "SELECT pg_database_size(current_database()) AS size_bytes"
_SUMS = """
    SELECT consumer, reason, count(*) AS count,
           count(*) FILTER (WHERE recorded_at >= $1) AS recent_count
    FROM dead_letter WHERE state = 'kept' GROUP BY consumer, reason ORDER BY consumer, reason
    """


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The version of PostgreSQL, and that of TimescaleDB where it is there."""

    version: str
    timescaledb: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterSum:
    """How many messages of one consumer are kept for one reason, and how many of them lately."""

    consumer: str
    reason: str
    count: int
    recent_count: int


async def read_database_facts(pool: asyncpg.Pool) -> DatabaseFacts:
    """Ask for versions.

    Raises:
        StoreUnavailableError: the database is away.
    """
    (row,) = await fetch(pool, _FACTS)
    return DatabaseFacts(row["version"], row["timescaledb"])


async def read_database_time(pool: asyncpg.Pool) -> datetime:
    """Give the time of day at the database.

    Raises:
        StoreUnavailableError: the database is away.
    """
    (row,) = await fetch(pool, _TIME)
    now: datetime = row["now"]
    return now


async def read_database_size(pool: asyncpg.Pool) -> int:
    """Give the bytes that the database takes.

    Raises:
        StoreUnavailableError: the database is away.
    """
    (row,) = await fetch(pool, _SIZE)
    return int(row["size_bytes"])


async def sum_dead_letters(pool: asyncpg.Pool, since: datetime) -> list[DeadLetterSum]:
    """Count the dead letters that nobody has settled; `since`: which of them are recent.

    Raises:
        StoreUnavailableError: the database is away.
    """
    return [DeadLetterSum(**row) for row in await fetch(pool, _SUMS, since)]
