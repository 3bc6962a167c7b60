"""Days of sites that lose a part of what they are computed from.

Retention ends at midnights of UTC, which are within a site's day where the site has a time zone of
its own. What such a day loses is added to its seal (`weir.postgres.rollup_seals`), from which it is
computed together with what is left: it stays the same, and late readings still come out right.
"""

from collections.abc import Sequence
from datetime import datetime

from weir.postgres.pool import Connection
from weir.postgres.retention.layers import HOUR, MINUTE, LayerTable
from weir.postgres.rollup_statements import COLUMNS, JOINED, TOUCHED, Level

_COLUMNS = ", ".join(COLUMNS)
_LOST = ", ".join(f"lost.{column}" for column in COLUMNS)
#: Parts of days, joined to one row for each day, in the order of time.
_JOINED = f"""
    stepped AS (
        SELECT parts.*, kind,
               lag(last_value) OVER (PARTITION BY series_id, day ORDER BY first_at) AS previous
        FROM parts JOIN series USING (series_id)
    ), carried AS (
        SELECT series_id, day, {JOINED}
        FROM stepped GROUP BY series_id, day, kind
    )
    """  # noqa: S608 - only constants are put together
#: Where local midnight is between two hours of UTC, days are computed from minutes.
_IS_FROM_HOURS = """
    extract(epoch FROM day.bucket)::bigint % 3600 = 0
    AND extract(epoch FROM day.until)::bigint % 3600 = 0
    """


async def carry_site_days(
    connection: Connection,
    layer: LayerTable,
    spans: tuple[Sequence[int], Sequence[datetime], Sequence[datetime]],
) -> None:
    """Add what days of sites are about to lose to their seals; forget those that lose all.

    `spans`: series, since and until, of rows of `layer` that are deleted in this transaction.
    """
    if layer not in (MINUTE, HOUR):
        return
    await connection.execute(_carry(layer), *spans)
    await connection.execute(_forget(layer), *spans)


def _is_own(layer: LayerTable) -> str:
    """Tell days that are computed from `layer`."""
    return _IS_FROM_HOURS if layer is HOUR else f"NOT ({_IS_FROM_HOURS})"


def _is_over(layer: LayerTable) -> str:
    """Tell days of which nothing is left, neither after the span nor, come late, before it."""
    return f"""
    (day.until <= day.span_until AND NOT EXISTS (
        SELECT FROM {layer.table} AS row WHERE row.series_id = day.series_id
           AND row.bucket >= day.bucket AND row.bucket < day.span_since))
    """


def _carry(layer: LayerTable) -> str:
    """Add rows that go to the seals of days that keep some.

    As when late readings are joined: what lies between the first and the last of a seal was counted
    already, or cannot be known not to have been.
    """
    return f"""
    WITH edge_day AS (
        SELECT DISTINCT t.series_id, t.bucket AS span_since, t.until AS span_until,
               local AT TIME ZONE time_zone AS bucket,
               (local + interval '1 day') AT TIME ZONE time_zone AS until
        FROM {TOUCHED} JOIN series USING (series_id) JOIN device USING (device_id)
        JOIN site USING (site_id)
        CROSS JOIN LATERAL (
            VALUES (date_trunc('day', t.bucket AT TIME ZONE time_zone)),
                   (date_trunc('day', t.until AT TIME ZONE time_zone))) AS edge (local)
        WHERE time_zone <> 'UTC'
    ), day AS (
        SELECT * FROM edge_day AS day
        WHERE day.bucket < day.span_until AND {_is_own(layer)} AND NOT {_is_over(layer)}
    ), parts AS (
        SELECT day.series_id, day.bucket AS day, {_LOST}
        FROM day JOIN rollup_sealed AS lost
            ON level = 'site_day' AND lost.series_id = day.series_id AND lost.bucket = day.bucket
        WHERE lost.count > 0
        UNION ALL
        SELECT day.series_id, day.bucket, {_LOST}
        FROM day JOIN {layer.table} AS lost
            ON lost.series_id = day.series_id
           AND lost.bucket >= greatest(day.bucket, day.span_since)
           AND lost.bucket < least(day.until, day.span_until)
        LEFT JOIN rollup_sealed AS sealed
            ON sealed.level = 'site_day' AND sealed.series_id = day.series_id
           AND sealed.bucket = day.bucket
        WHERE sealed IS NULL OR lost.last_at < sealed.first_at OR lost.first_at > sealed.last_at
    ), {_JOINED}
    INSERT INTO rollup_sealed (level, series_id, bucket, {_COLUMNS})
    SELECT 'site_day', series_id, day, {_COLUMNS} FROM carried
    UNION ALL
    -- A day that has lost nothing is sealed all the same: otherwise it would be sealed as a whole.
    SELECT 'site_day', series_id, bucket, 0, 0, 'Infinity', '-Infinity', 0, 'infinity', 0,
           '-infinity', 0, 0, 0, NULL
    FROM day WHERE (series_id, bucket) NOT IN (SELECT series_id, day FROM carried)
    ON CONFLICT (level, series_id, bucket) DO UPDATE SET
        ({_COLUMNS}) = ROW ({", ".join(f"excluded.{column}" for column in COLUMNS)})
    """  # noqa: S608


def _forget(layer: LayerTable) -> str:
    """Forget the seals of days that have nothing left: what such a day is now is all there is."""
    return f"""
    DELETE FROM rollup_sealed AS sealed USING (
        SELECT s.series_id, s.bucket, t.bucket AS span_since, t.until AS span_until,
               (date_trunc('day', s.bucket AT TIME ZONE time_zone) + interval '1 day')
                   AT TIME ZONE time_zone AS until
        FROM {TOUCHED} JOIN series USING (series_id) JOIN device USING (device_id)
        JOIN site USING (site_id)
        JOIN rollup_sealed AS s ON s.level = '{Level.SITE_DAY}' AND s.series_id = t.series_id
        WHERE time_zone <> 'UTC' AND s.bucket < t.until
    ) AS day
    WHERE sealed.level = '{Level.SITE_DAY}' AND sealed.series_id = day.series_id
      AND sealed.bucket = day.bucket AND day.until > day.span_since
      AND {_is_own(layer)} AND {_is_over(layer)}
    """  # noqa: S608
