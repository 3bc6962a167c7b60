"""What has happened: the journal, newest first, or onwards from a position."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.errors import NotFoundError
from weir.events.event import JournalRecord
from weir.postgres.journal_reader import COLUMNS, record_of
from weir.postgres.queries._read import fetch, fetch_row

#: Of PostgreSQL's bigint.
POSITION_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """Which events; None: whatever.

    `actor`: whole (`user:ada`), or only the name. `since` is included, `until` is not.
    """

    entity: str | None = None
    entity_id: str | None = None
    type: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_LIST = f"""
    SELECT {COLUMNS} FROM journal
    WHERE position > $1 AND position < $2
      AND ($3::text IS NULL OR entity = $3)
      AND ($4::text IS NULL OR entity_id = $4)
      AND ($5::text IS NULL OR type = $5)
      AND ($6::text IS NULL OR actor IN ($6, 'user:' || $6, 'token:' || $6))
      AND ($7::timestamptz IS NULL OR recorded_at >= $7)
      AND ($8::timestamptz IS NULL OR recorded_at < $8)
    ORDER BY position {{order}} LIMIT $9
    """  # noqa: S608 - only constants are put together
_NEWEST_FIRST = _LIST.format(order="DESC")
_OLDEST_FIRST = _LIST.format(order="ASC")
_SHOW = f"SELECT {COLUMNS} FROM journal WHERE position = $1"  # noqa: S608


async def list_events(
    pool: asyncpg.Pool, wanted: JournalFilter, *, before: int, limit: int
) -> list[JournalRecord]:
    """List events newest first, those before a position; at most `limit`.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(pool, _NEWEST_FIRST, 0, before, *_arguments(wanted), limit)
    return [record_of(row) for row in rows]


async def follow_events(
    pool: asyncpg.Pool, wanted: JournalFilter, *, after: int, limit: int
) -> list[JournalRecord]:
    """List events oldest first, those behind a position; at most `limit`.

    Positions become visible in their order, so whoever goes on behind the last one misses none.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(pool, _OLDEST_FIRST, after, POSITION_MAX, *_arguments(wanted), limit)
    return [record_of(row) for row in rows]


async def show_event(pool: asyncpg.Pool, position: int) -> JournalRecord:
    """Show one event.

    Raises:
        NotFoundError: none has this position.
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _SHOW, position)
    if row is None:
        raise NotFoundError(f"no event has the position {position}")
    return record_of(row)


async def journal_end(pool: asyncpg.Pool) -> int:
    """Give the position of the last event; 0 when there is none.

    Raises:
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, "SELECT coalesce(max(position), 0) AS position FROM journal")
    return int(row["position"]) if row else 0


def _arguments(wanted: JournalFilter) -> tuple[str | datetime | None, ...]:
    return (
        wanted.entity,
        wanted.entity_id,
        wanted.type,
        wanted.actor,
        wanted.since,
        wanted.until,
    )
