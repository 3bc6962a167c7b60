"""Compute rollups again where what they depend on was changed, one UTC day at a time."""

from datetime import datetime
from enum import StrEnum

import asyncpg

from weir.clock import to_us
from weir.postgres.pool import Connection
from weir.postgres.rollup_buckets import BucketKey
from weir.postgres.rollup_levels import compute_levels
from weir.postgres.rollup_seals import forget_covered
from weir.postgres.rollup_statements import Level


class Reason(StrEnum):
    """Why rollups are computed again."""

    #: The series counts otherwise than it did: what of it rises is another figure.
    KIND = "kind"
    #: The days of its site begin at other instants.
    TIME_ZONE = "time_zone"
    #: Readings were deleted.
    DELETION = "deletion"
    #: Somebody wants to be sure.
    REBUILD = "rebuild"


_REQUEST = """
    INSERT INTO rollup_request (series_id, since, until, reason)
    SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::timestamptz[], $4::text[])
    """
#: Another process may be at the same one: the lock of the rollups is held by both.
_NEXT = """
    SELECT request_id, series_id, since, until, reason,
           greatest(date_trunc('day', since, 'UTC'), done_until) AS resume
    FROM rollup_request ORDER BY request_id LIMIT 1
    """
_ADVANCE = "UPDATE rollup_request SET done_until = $2 WHERE request_id = $1"
_FINISH = "DELETE FROM rollup_request WHERE request_id = $1"
#: The first day from an instant on that has anything of a series.
_NEXT_DAY = """
    SELECT date_trunc('day', min(found.at), 'UTC') AS day,
           date_trunc('day', min(found.at), 'UTC') + interval '1 day' AS next_day
    FROM (
        (SELECT observed_at AS at FROM reading
         WHERE series_id = $1 AND observed_at >= $2 ORDER BY observed_at LIMIT 1)
        UNION ALL
        (SELECT bucket FROM rollup_minute
         WHERE series_id = $1 AND bucket >= $2 ORDER BY bucket LIMIT 1)
        UNION ALL
        (SELECT bucket FROM rollup_hour
         WHERE series_id = $1 AND bucket >= $2 ORDER BY bucket LIMIT 1)
        UNION ALL
        (SELECT bucket FROM rollup_day
         WHERE series_id = $1 AND bucket >= $2 ORDER BY bucket LIMIT 1)
        UNION ALL
        (SELECT bucket FROM rollup_site_day
         WHERE series_id = $1 AND bucket >= $2 ORDER BY bucket LIMIT 1)
    ) AS found
    HAVING min(found.at) < $3
    """
#: Minutes that have readings, and minutes whose bucket may have to go. A bucket whose readings are
#: gone stays as it is, unless something late has come for it.
_MINUTES = """
    SELECT minute FROM generate_series($2::timestamptz, $3::timestamptz - interval '1 minute',
                                       interval '1 minute') AS minute
    WHERE EXISTS (SELECT FROM reading WHERE series_id = $1 AND observed_at >= minute
                  AND observed_at < minute + interval '1 minute')
    UNION
    SELECT bucket FROM rollup_minute LEFT JOIN series_kept USING (series_id)
    WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
      AND bucket >= coalesce(raw_from, '-infinity')
    UNION
    SELECT bucket FROM rollup_sealed
    WHERE level = 'minute' AND series_id = $1 AND bucket >= $2 AND bucket < $3
    """
#: Hours of the day that have their minutes still, the one that has none any more included.
_HOURS = """
    SELECT hour FROM generate_series($2::timestamptz, $3::timestamptz - interval '1 hour',
                                     interval '1 hour') AS hour
    LEFT JOIN series_kept ON series_id = $1
    WHERE hour >= coalesce(minute_from, '-infinity')
    UNION
    SELECT bucket FROM rollup_sealed
    WHERE level = 'hour' AND series_id = $1 AND bucket >= $2 AND bucket < $3
    """
#: The rise inside a bucket whose readings are gone, from what is left: its first and last value.
_ESTIMATE_RISE = """
    UPDATE {table} AS b
    SET rise = CASE WHEN kind <> 'gauge' THEN counter_rise(kind, first_value, last_value) END
    FROM series JOIN series_kept USING (series_id)
    WHERE b.series_id = $1 AND series.series_id = $1
      AND b.bucket >= $2 AND b.bucket < $3 AND b.bucket < {kept_from}
    """
_KEPT_FROM = {Level.MINUTE: "raw_from", Level.HOUR: "minute_from", Level.DAY: "hour_from"}
#: Days that the clocks of the site do not know: they would never be computed.
_DROP_STRAY_SITE_DAYS = """
    DELETE FROM rollup_site_day AS b USING series JOIN device USING (device_id)
                                                 JOIN site USING (site_id)
    WHERE b.series_id = $1 AND series.series_id = $1 AND b.bucket >= $2 AND b.bucket < $3
      AND (b.time_zone <> site.time_zone
           OR b.bucket <> date_trunc('day', b.bucket, site.time_zone))
    """
#: Buckets that begin where none can begin.
_DROP_STRAY = """
    DELETE FROM {table} WHERE series_id = $1 AND bucket >= $2 AND bucket < $3
      AND bucket <> date_trunc('{level}', bucket, 'UTC')
    """


async def request(
    connection: Connection, reason: Reason, ranges: list[tuple[int, datetime, datetime]]
) -> None:
    """Ask for rollups to be computed again, in the transaction that makes it necessary.

    `ranges`: (series_id, since, until).
    """
    await connection.execute(
        _REQUEST,
        [series_id for series_id, _, _ in ranges],
        [since for _, since, _ in ranges],
        [until for _, _, until in ranges],
        [reason.value] * len(ranges),
    )


async def work_off_day(connection: Connection) -> bool:
    """Compute the next day of the oldest request; False when there is none.

    The caller holds the lock of the rollups.
    """
    asked = await connection.fetchrow(_NEXT)
    if asked is None:
        return False
    found = await connection.fetchrow(
        _NEXT_DAY, asked["series_id"], asked["resume"], asked["until"]
    )
    if found is None:
        await connection.execute(_FINISH, asked["request_id"])
        return True
    await _compute_day(connection, asked, found["day"], found["next_day"])
    await connection.execute(_ADVANCE, asked["request_id"], found["next_day"])
    return True


async def _compute_day(
    connection: Connection, asked: asyncpg.Record, day: datetime, next_day: datetime
) -> None:
    series_id = asked["series_id"]
    span = (series_id, day, next_day)
    if asked["reason"] == Reason.DELETION:
        for level in Level:
            await forget_covered(connection, level, series_id, asked["since"], asked["until"])
    if asked["reason"] == Reason.KIND:
        for level, kept_from in _KEPT_FROM.items():
            statement = _ESTIMATE_RISE.format(table=level.table, kept_from=kept_from)
            await connection.execute(statement, *span)
    if asked["reason"] in {Reason.TIME_ZONE, Reason.REBUILD}:
        await connection.execute(_DROP_STRAY_SITE_DAYS, *span)
    if asked["reason"] == Reason.REBUILD:
        for level in (Level.MINUTE, Level.HOUR, Level.DAY):
            await connection.execute(_DROP_STRAY.format(table=level.table, level=level), *span)
    minutes = await connection.fetch(_MINUTES, *span)
    hours = await connection.fetch(_HOURS, *span)
    await compute_levels(connection, _keys(series_id, minutes), _keys(series_id, hours))


def _keys(series_id: int, rows: list[asyncpg.Record]) -> list[BucketKey]:
    return [(series_id, to_us(row[0])) for row in rows]
