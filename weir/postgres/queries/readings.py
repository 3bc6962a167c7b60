"""The readings of one device: a window, the newest, or what has come since.

Numbers and texts come together, in the order of time, then series, numbers before texts. Each lane
is read along its key and no further than the limit, whatever the window holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.model.quality import Quality
from weir.postgres.queries._read import fetch_along_key
from weir.postgres.queries.lanes import Lane, LaneStart, Position


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured value; `value` is finite, or a text.

    `quality`: what its device has against it; None: nothing.
    """

    lane: Lane
    observed_at: datetime
    value: float | str
    quality: Quality | None = None

    @property
    def position(self) -> Position:
        """Where it stands in the order of readings."""
        return Position(self.observed_at, self.lane)


_WANTED = "unnest($1::integer[], $2::boolean[], $3::timestamptz[]) AS wanted (id, is_text, since)"
_ASCENDING = f"""
    SELECT id, is_text, observed_at, number, text, quality FROM {_WANTED},
    LATERAL (
        (SELECT observed_at, value AS number, NULL AS text, quality FROM reading
         WHERE NOT is_text AND series_id = id AND observed_at >= since AND observed_at < $4
         ORDER BY observed_at LIMIT $5)
        UNION ALL
        (SELECT observed_at, NULL, value, quality FROM text_reading
         WHERE is_text AND series_id = id AND observed_at >= since AND observed_at < $4
         ORDER BY observed_at LIMIT $5)
    ) AS found
    ORDER BY observed_at, id, is_text LIMIT $5
    """  # noqa: S608 - only constants are put together
_DESCENDING = f"""
    SELECT id, is_text, observed_at, number, text, quality FROM {_WANTED},
    LATERAL (
        (SELECT observed_at, value AS number, NULL AS text, quality FROM reading
         WHERE NOT is_text AND series_id = id AND observed_at >= since AND observed_at < $4
         ORDER BY observed_at DESC LIMIT $5)
        UNION ALL
        (SELECT observed_at, NULL, value, quality FROM text_reading
         WHERE is_text AND series_id = id AND observed_at >= since AND observed_at < $4
         ORDER BY observed_at DESC LIMIT $5)
    ) AS found
    """  # noqa: S608 - only constants are put together
_NEWEST_OF_EACH = f"{_DESCENDING} ORDER BY observed_at, id, is_text"
_NEWEST = f"""
    SELECT * FROM ({_DESCENDING} ORDER BY observed_at DESC, id DESC, is_text DESC LIMIT $5) AS n
    ORDER BY observed_at, id, is_text
    """  # noqa: S608 - only constants are put together


async def read_ascending(
    pool: asyncpg.Pool, starts: Sequence[LaneStart], until: datetime, limit: int
) -> list[Reading]:
    """Give the oldest `limit` readings from each lane's start and before `until`, ascending.

    Raises:
        StoreUnavailableError: try again later.
    """
    return await _read(pool, _ASCENDING, starts, until, limit)


async def read_newest(
    pool: asyncpg.Pool, starts: Sequence[LaneStart], until: datetime, limit: int
) -> list[Reading]:
    """Give the newest `limit` readings from each lane's start and before `until`, ascending.

    Raises:
        StoreUnavailableError: try again later.
    """
    return await _read(pool, _NEWEST, starts, until, limit)


async def read_newest_of_each(
    pool: asyncpg.Pool, starts: Sequence[LaneStart], until: datetime, limit: int
) -> list[Reading]:
    """Give the newest `limit` readings of each lane, ascending; all of one instant in the database.

    Raises:
        StoreUnavailableError: try again later.
    """
    return await _read(pool, _NEWEST_OF_EACH, starts, until, limit)


async def _read(
    pool: asyncpg.Pool, statement: str, starts: Sequence[LaneStart], until: datetime, limit: int
) -> list[Reading]:
    rows = await fetch_along_key(
        pool,
        statement,
        [start.lane.series_id for start in starts],
        [start.lane.is_text for start in starts],
        [start.since for start in starts],
        until,
        limit,
    )
    return [
        Reading(
            Lane(series_id, is_text),
            observed_at,
            text if is_text else number,
            None if quality is None else Quality(quality),
        )
        for series_id, is_text, observed_at, number, text, quality in rows
    ]
