"""Late readings for a bucket whose own readings are gone: joined to what the bucket was.

Retention drops readings and keeps their rollups. When something late comes for such a bucket, it
cannot be computed again; it is sealed as it was, and what came is joined to it. Whether a reading
between the first and the last of a sealed bucket was counted already cannot be known any more, so
those are left out: nothing is ever counted twice.
"""

from datetime import datetime

from weir.postgres.pool import Connection
from weir.postgres.rollup_buckets import Buckets
from weir.postgres.rollup_statements import COLUMNS, JOINED, TOUCHED, Level

#: What a bucket is that was not there: nothing, first seen after and last before all else.
_NOTHING = """
    0, 0, 'Infinity'::float8, '-Infinity'::float8, 0, 'infinity'::timestamptz,
    0, '-infinity'::timestamptz, 0, 0, 0, NULL::float8
    """
_COLUMNS = ", ".join(COLUMNS)
_READINGS = """
    SELECT series_id, observed_at AS bucket, 1::bigint AS count, value AS sum, value AS min,
           value AS max, value AS first_value, observed_at AS first_at, value AS last_value,
           observed_at AS last_at, value * value AS sum_squares,
           greatest(value, 0) AS sum_positive, least(value, 0) AS sum_negative, 0::float8 AS rise
    FROM reading
    """
#: The column of `series_kept` that says from when on a source is complete.
_KEPT_FROM = {None: "raw_from", Level.MINUTE: "minute_from", Level.HOUR: "hour_from"}


async def which_are_sealed(
    connection: Connection, buckets: Buckets, source: Level | None
) -> list[bool]:
    """Tell for each bucket whether its source (a level, or the readings) has been dropped."""
    column = _KEPT_FROM[source]
    # Where nothing was dropped yet it is -infinity, which Python has no instant for.
    newest = await connection.fetchval(
        f"SELECT nullif(max({column}), '-infinity') FROM series_kept"  # noqa: S608
    )
    if newest is None or not any(start < newest for start in buckets.starts):
        return [False] * len(buckets)
    rows = await connection.fetch(
        f"SELECT t.series_id, t.bucket FROM {TOUCHED} JOIN series_kept USING (series_id)"  # noqa: S608
        f" WHERE t.bucket < {column}",
        *buckets.arguments,
    )
    sealed = {(row["series_id"], row["bucket"]) for row in rows}
    keys = zip(buckets.series_ids, buckets.starts, strict=True)
    return [key in sealed for key in keys]


async def join_late(
    connection: Connection,
    level: Level,
    buckets: Buckets,
    source: Level | None,
    time_zone: str | None = None,
) -> int:
    """Compute sealed buckets from what they were and what came late; gives how many there are."""
    await connection.execute(_seal(level), *buckets.arguments, level.value)
    await connection.execute(
        f"DELETE FROM {level.table} AS b USING {TOUCHED}"  # noqa: S608
        " WHERE b.series_id = t.series_id AND b.bucket = t.bucket",
        *buckets.arguments,
    )
    zone = () if time_zone is None else (time_zone,)
    status = await connection.execute(_join(level, source), *buckets.arguments, level.value, *zone)
    return int(status.rsplit(" ", 1)[-1])


async def forget_covered(
    connection: Connection, level: Level, series_id: int, since: datetime, until: datetime
) -> None:
    """Forget buckets without a source that lie wholly in a range that is being deleted.

    Of a bucket that lies in it in part nobody knows which readings it had: it stays.
    """
    # Days of sites may be computed from minutes: then too their hours are no older than they are.
    source = {Level.MINUTE: None, Level.HOUR: Level.MINUTE}.get(level, Level.HOUR)
    covered = f"""
        b.series_id = $1 AND b.first_at >= $2 AND b.last_at < $3 AND b.count > 0
        AND b.bucket < (SELECT {_KEPT_FROM[source]} FROM series_kept WHERE series_id = $1)
        """  # noqa: S608
    await connection.execute(
        f"""
        DELETE FROM {level.table} AS b WHERE {covered} AND NOT EXISTS (
            SELECT FROM rollup_sealed AS s
            WHERE s.level = $4 AND s.series_id = b.series_id AND s.bucket = b.bucket)
        """,  # noqa: S608
        series_id,
        since,
        until,
        level.value,
    )
    # What came late for it is joined to nothing from now on.
    await connection.execute(
        f"UPDATE rollup_sealed AS b SET ({_COLUMNS}) = ({_NOTHING}) WHERE level = $4 AND {covered}",  # noqa: S608
        series_id,
        since,
        until,
        level.value,
    )


def _seal(level: Level) -> str:
    kept = ", ".join(f"b.{column}" for column in COLUMNS)
    return f"""
    INSERT INTO rollup_sealed (level, series_id, bucket, {_COLUMNS})
    SELECT $4, t.series_id, t.bucket, {kept}
    FROM {TOUCHED} JOIN {level.table} AS b ON b.series_id = t.series_id AND b.bucket = t.bucket
    UNION ALL
    SELECT $4, t.series_id, t.bucket, {_NOTHING}
    FROM {TOUCHED} WHERE NOT EXISTS (SELECT FROM {level.table} AS b
                                     WHERE b.series_id = t.series_id AND b.bucket = t.bucket)
    ON CONFLICT DO NOTHING
    """  # noqa: S608


def _join(level: Level, source: Level | None) -> str:
    late = ", ".join(f"late.{column}" for column in COLUMNS)
    parts = _READINGS if source is None else f"SELECT * FROM {source.table}"  # noqa: S608
    zone, zone_column = ("", "") if level is not Level.SITE_DAY else (", $5", ", time_zone")
    return f"""
    WITH sealed AS (
        SELECT s.*, t.until FROM {TOUCHED}
        JOIN rollup_sealed AS s ON s.level = $4 AND s.series_id = t.series_id
                               AND s.bucket = t.bucket
    ), parts AS (
        SELECT series_id, bucket, {_COLUMNS} FROM sealed WHERE count > 0
        UNION ALL
        SELECT sealed.series_id, sealed.bucket, {late}
        FROM sealed JOIN LATERAL (
            SELECT * FROM ({parts}) AS p
            WHERE p.series_id = sealed.series_id
              AND p.bucket >= sealed.bucket AND p.bucket < sealed.until
              AND (p.last_at < sealed.first_at OR p.first_at > sealed.last_at)
        ) AS late ON true
    ), stepped AS (
        SELECT parts.*, kind,
               lag(last_value) OVER (PARTITION BY series_id, bucket ORDER BY first_at) AS previous
        FROM parts JOIN series USING (series_id)
    )
    INSERT INTO {level.table} (series_id, bucket, {_COLUMNS}{zone_column})
    SELECT series_id, bucket, {JOINED}{zone}
    FROM stepped GROUP BY series_id, bucket, kind
    """  # noqa: S608
