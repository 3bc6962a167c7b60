"""The installation in numbers, and whether its database is ready."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.postgres.migrate import plan, read_migrations
from weir.postgres.queries._read import fetch, fetch_row


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a consumer has come in a stream; `recorded_at`: when it last committed."""

    consumer: str
    stream: str
    next_offset: int
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of what there is; `storage`: `timescaledb` or `plain`."""

    storage: str
    device_count: int
    online_device_count: int
    series_count: int
    dead_letter_count: int
    last_seen_at: datetime | None
    progress: tuple[Progress, ...]


_COUNT = """
    SELECT storage_mode() AS storage,
           (SELECT count(*) FROM device WHERE NOT is_deleted) AS device_count,
           (SELECT count(*) FROM device JOIN device_presence USING (device_id)
            WHERE is_online AND NOT is_deleted) AS online_device_count,
           (SELECT count(*) FROM series) AS series_count,
           (SELECT count(*) FROM dead_letter WHERE state = 'kept') AS dead_letter_count,
           (SELECT max(last_seen_at) FROM device_activity) AS last_seen_at
    """
_PROGRESS = """
    SELECT consumer, stream, next_offset, recorded_at FROM stream_offset ORDER BY consumer, stream
    """
_MIGRATIONS_EXIST = "SELECT to_regclass('migration') IS NOT NULL AS exist"
_APPLIED = "SELECT name, checksum FROM migration ORDER BY name"


async def summarise(pool: asyncpg.Pool) -> Status:
    """Count what there is.

    Raises:
        StoreUnavailableError: try again later.
    """
    (counts,) = await fetch(pool, _COUNT)
    progress = await fetch(pool, _PROGRESS)
    return Status(**counts, progress=tuple(Progress(**row) for row in progress))


async def ping(pool: asyncpg.Pool) -> None:
    """Return when the database answers.

    Raises:
        StoreUnavailableError: it does not.
    """
    await fetch(pool, "SELECT 1")


async def missing_migrations(pool: asyncpg.Pool) -> list[str]:
    """Name the migrations that the database lacks; none: it is ready.

    Raises:
        MigrationError: the database is newer than this version, or was edited.
        StoreUnavailableError: the database is away.
    """
    exist = await fetch_row(pool, _MIGRATIONS_EXIST)
    rows = await fetch(pool, _APPLIED) if exist and exist["exist"] else []
    applied = {row["name"]: row["checksum"] for row in rows}
    return [migration.name for migration in plan(read_migrations(), applied)]
