"""Recompute rollups from the readings, and compare: without a lock, on a system that goes on.

Only settled buckets are compared: what ended before the rollups' tail, and what nobody has asked to
be computed again. A reading that came late may be stored and not yet rolled up, so a difference is
one only if it is still there when the rollups have passed what was written when it was found.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from weir.errors import NotFoundError
from weir.postgres.pool import Connection
from weir.postgres.queries._read import snapshot
from weir.postgres.queries.rollup_check import (
    CheckedSeries,
    Difference,
    LevelCount,
    check_span,
)
from weir.postgres.queries.rollup_progress import RollupProgress, read_progress
from weir.postgres.queries.rollup_spans import first_instant, next_span
from weir.postgres.rollup_levels import find_by_key
from weir.postgres.rollup_statements import Level

#: How long one call goes on with another stretch.
BUDGET_S = 0.7
#: Differences of one call; a stretch with more is cut.
DIFFERENCES_MAX = 1_000

_MATCHES = """
    (cardinality($2::integer[]) = 0 OR device_id = ANY($2)) AND ($3::text IS NULL OR field = $3)
    """
_NEXT_SERIES = f"""
    SELECT series_id, serial, field FROM series JOIN device USING (device_id)
    WHERE series_id >= $1 AND {_MATCHES} ORDER BY series_id LIMIT 1
    """  # noqa: S608 - only constants are put together
_COUNT_SERIES = f"""
    SELECT count(*) AS all_count, count(*) FILTER (WHERE series_id < $1) AS done_count
    FROM series WHERE {_MATCHES}
    """  # noqa: S608 - only constants are put together
_REQUESTS = """
    SELECT nullif(since, '-infinity') AS since, nullif(until, 'infinity') AS until
    FROM rollup_request WHERE series_id = $1
    """


@dataclass(frozen=True, slots=True)
class WantedBuckets:
    """Which buckets: those of these devices (none: all) and this field that end in a window.

    The window is open at its start: (since, until].
    """

    device_ids: Sequence[int]
    field: str | None
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """How far a verification has come: all series before this one, and of this one until `at`.

    `suspect_at`: the newest bucket of it that differs, for the hours and days around it.
    """

    series_id: int
    at: datetime
    suspect_at: datetime | None = None


@dataclass(slots=True)
class Verification:
    """What one call has found; `place` is where the next one goes on, None: nothing is left.

    `progress`: how far writer and rollups were in what it saw. `done_share`: from 0 to 1.
    """

    progress: RollupProgress
    place: Place | None = None
    done_share: float = 1.0
    counts: dict[Level, LevelCount] = field(
        default_factory=lambda: {level: LevelCount() for level in Level}
    )
    differences: list[Difference] = field(default_factory=list)


async def verify_rollups(
    pool: asyncpg.Pool, wanted: WantedBuckets, place: Place | None
) -> Verification:
    """Compare from `place` on, or from the beginning, for about a second.

    Raises:
        NotFoundError: none of the devices has this field.
        StoreUnavailableError: try again later.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BUDGET_S
    async with snapshot(pool) as connection:
        await find_by_key(connection)
        found = Verification(await read_progress(connection))
        if found.progress.settled_until is None:
            return found
        if place is None and wanted.field is not None:
            await _require_field(connection, wanted)
        until = min(wanted.until, found.progress.settled_until)
        found.place = place or Place(0, wanted.since)
        while found.place is not None:
            found.place = await _go_on(connection, found, wanted, until)
            if loop.time() > deadline or len(found.differences) >= DIFFERENCES_MAX:
                break
        found.done_share = await _done_share(connection, wanted, found.place, until)
        return found


async def _go_on(
    connection: Connection, found: Verification, wanted: WantedBuckets, until: datetime
) -> Place | None:
    """Compare the next stretch; gives the place behind it, None at the end."""
    assert found.place is not None  # noqa: S101 - otherwise it has ended
    place = found.place
    series = await _next_series(connection, wanted, place.series_id)
    if series is None:
        return None
    if series.series_id != place.series_id:
        place = Place(series.series_id, wanted.since)
    if place.at >= until:
        return Place(series.series_id + 1, wanted.since)
    span = await next_span(connection, series.series_id, place.at, until)
    check = await check_span(connection, series, span, place.suspect_at)
    while len(check.differences) > DIFFERENCES_MAX and (narrowed := span.narrowed()):
        span = narrowed
        check = await check_span(connection, series, span, place.suspect_at)
    found.differences += check.differences
    for level, count in check.counts.items():
        found.counts[level].add(count)
    return Place(series.series_id, span.until, max(check.suspects, default=None))


async def _next_series(
    connection: Connection, wanted: WantedBuckets, first_id: int
) -> CheckedSeries | None:
    row = await connection.fetchrow(_NEXT_SERIES, first_id, wanted.device_ids, wanted.field)
    if row is None:
        return None
    requests = await connection.fetch(_REQUESTS, row["series_id"])
    return CheckedSeries(**row, requests=[(each["since"], each["until"]) for each in requests])


async def _require_field(connection: Connection, wanted: WantedBuckets) -> None:
    if await _next_series(connection, wanted, 0) is None:
        of_whom = "of these devices" if wanted.device_ids else "of all devices"
        raise NotFoundError(f"none {of_whom} has a field {wanted.field!r}")


async def _done_share(
    connection: Connection, wanted: WantedBuckets, place: Place | None, until: datetime
) -> float:
    if place is None:
        return 1.0
    row = await connection.fetchrow(_COUNT_SERIES, place.series_id, wanted.device_ids, wanted.field)
    if row is None or not row["all_count"]:
        return 1.0
    first = await first_instant(connection, place.series_id, wanted.since, until)
    of_this = 0.0 if first is None else max((place.at - first) / (until - first), 0.0)
    return float(min((row["done_count"] + of_this) / row["all_count"], 1.0))
