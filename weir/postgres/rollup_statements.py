"""The statements that compute rollups: minutes from readings, the others from the level below.

All take the buckets as three columns of the same length: series, start, end. Whoever writes a
bucket reads everything that belongs to it, so the order in which readings came does not matter.
"""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """A width of buckets; `site_day` is a day in the time zone of the series' site."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    SITE_DAY = "site_day"

    @property
    def table(self) -> str:
        """The table that has its buckets."""
        return f"rollup_{self}"


#: What a bucket keeps, beside its key.
COLUMNS = (
    "count",
    "sum",
    "min",
    "max",
    "first_value",
    "first_at",
    "last_value",
    "last_at",
    "sum_squares",
    "sum_positive",
    "sum_negative",
    "rise",
)
#: Parts that lie apart in time become one bucket: what to select from them. Each has the `kind` of
#: its series and, as `previous`, the last value of the part before. In the order of `COLUMNS`.
JOINED = """
    sum(count)::bigint AS count, sum(sum) AS sum, min(min) AS min, max(max) AS max,
    (array_agg(first_value ORDER BY first_at))[1] AS first_value, min(first_at) AS first_at,
    (array_agg(last_value ORDER BY first_at DESC))[1] AS last_value, max(last_at) AS last_at,
    sum(sum_squares) AS sum_squares,
    sum(sum_positive) AS sum_positive, sum(sum_negative) AS sum_negative,
    CASE WHEN kind <> 'gauge' THEN
        sum(coalesce(rise, counter_rise(kind, first_value, last_value))
            + coalesce(counter_rise(kind, previous, first_value), 0)) END AS rise
    """
TOUCHED = (
    "unnest($1::integer[], $2::timestamptz[], $3::timestamptz[]) AS t (series_id, bucket, until)"
)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How values are added up and squared."""

    addend: str
    square: str


#: PostgreSQL refuses a sum of doubles that is no longer finite: right for what is measured.
PLAIN = Arithmetic("{0}", "{0} * {0}")
#: For values at the edge of what a double holds: their sums become infinite instead. A bucket has
#: less than 10^10 readings, so nothing below these bounds overflows.
SATURATING = Arithmetic(
    "CASE WHEN abs({0}) < 1e298 THEN {0} ELSE sign({0}) * 'Infinity'::float8 END",
    "CASE WHEN abs({0}) < 1e149 THEN {0} * {0} ELSE 'Infinity'::float8 END",
)


def from_readings(arithmetic: Arithmetic = PLAIN) -> str:
    """Compute buckets of any width from the readings.

    Every reading is looked at once, so each aggregate counts: the first and the last are found at
    the ends of the index instead.
    """
    addend, square = arithmetic.addend.format("value"), arithmetic.square.format("value")
    of_bucket = (
        "FROM reading AS r WHERE r.series_id = t.series_id"
        " AND r.observed_at >= t.bucket AND r.observed_at < t.until"
    )
    return f"""
    SELECT t.series_id, t.bucket, c.count, c.sum, c.min, c.max,
           f.value AS first_value, f.observed_at AS first_at,
           l.value AS last_value, l.observed_at AS last_at,
           c.sum_squares, c.sum_positive, c.sum_negative,
           CASE WHEN series.kind <> 'gauge' THEN steps.rise END AS rise
    FROM {TOUCHED} JOIN series USING (series_id)
    CROSS JOIN LATERAL (
        SELECT observed_at, value {of_bucket} ORDER BY observed_at LIMIT 1) AS f
    CROSS JOIN LATERAL (
        SELECT observed_at, value {of_bucket} ORDER BY observed_at DESC LIMIT 1) AS l
    CROSS JOIN LATERAL (
        SELECT count(*) AS count, sum({addend}) AS sum, min(value) AS min, max(value) AS max,
               sum({square}) AS sum_squares,
               coalesce(sum({addend}) FILTER (WHERE value > 0), 0) AS sum_positive,
               coalesce(sum({addend}) FILTER (WHERE value < 0), 0) AS sum_negative
        {of_bucket}
    ) AS c
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(counter_rise(series.kind, previous, value)), 0) AS rise
        FROM (SELECT value, lag(value) OVER (ORDER BY observed_at) AS previous
              {of_bucket} AND series.kind <> 'gauge') AS pairs
    ) AS steps
    """  # noqa: S608 - only constants are put together


def from_level(below: Level, arithmetic: Arithmetic = PLAIN) -> str:
    """Compute buckets from those of the level below."""

    def total(column: str) -> str:
        return f"sum({arithmetic.addend.format(column)}) AS {column}"

    return f"""
    SELECT t.series_id, t.bucket, c.count, c.sum, c.min, c.max,
           f.first_value, c.first_at, l.last_value, c.last_at,
           c.sum_squares, c.sum_positive, c.sum_negative,
           CASE WHEN series.kind <> 'gauge' THEN steps.rise END AS rise
    FROM {TOUCHED} JOIN series USING (series_id)
    CROSS JOIN LATERAL (
        SELECT sum(count)::bigint AS count, {total("sum")}, min(min) AS min, max(max) AS max,
               min(first_at) AS first_at, max(last_at) AS last_at,
               min(bucket) AS first_bucket, max(bucket) AS last_bucket, {total("sum_squares")},
               {total("sum_positive")}, {total("sum_negative")}
        FROM {below.table} AS b
        WHERE b.series_id = t.series_id AND b.bucket >= t.bucket AND b.bucket < t.until
    ) AS c
    CROSS JOIN LATERAL ({_one("first_value", below.table, "bucket = c.first_bucket")}) AS f
    CROSS JOIN LATERAL ({_one("last_value", below.table, "bucket = c.last_bucket")}) AS l
    CROSS JOIN LATERAL (
        SELECT sum(coalesce(rise, counter_rise(series.kind, first_value, last_value))
                   + coalesce(counter_rise(series.kind, previous, first_value), 0)) AS rise
        FROM (SELECT rise, first_value, last_value,
                     lag(last_value) OVER (ORDER BY bucket) AS previous
              FROM {below.table} AS b
              WHERE series.kind <> 'gauge' AND b.series_id = t.series_id
                AND b.bucket >= t.bucket AND b.bucket < t.until) AS parts
    ) AS steps
    """  # noqa: S608


def _one(column: str, table: str, condition: str) -> str:
    """Look one row up by its key: a limit keeps the planner from joining whole tables instead.

    Without statistics, which a new partition has none of, it would: 50 s instead of 0.2 s.
    """
    found = f"{table} AS s WHERE s.series_id = t.series_id AND s.{condition}"
    return f"SELECT {column} FROM {found} LIMIT 1"  # noqa: S608


def upsert(level: Level, computed: str) -> str:
    """Store what is computed, in place of what was there."""
    columns = ", ".join(COLUMNS)
    changes = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS)
    zone, zone_column, zone_change = "", "", ""
    if level is Level.SITE_DAY:
        zone, zone_column = ", $4", ", time_zone"
        zone_change = ", time_zone = excluded.time_zone"
    return f"""
    INSERT INTO {level.table} (series_id, bucket, {columns}{zone_column})
    SELECT series_id, bucket, {columns}{zone} FROM ({computed}) AS computed
    ORDER BY series_id, bucket
    ON CONFLICT (series_id, bucket) DO UPDATE SET {changes}{zone_change}
    """  # noqa: S608


def delete_emptied(level: Level, source: str, instant: str) -> str:
    """Delete the buckets that have nothing left in `source`, a table with a column `instant`."""
    return f"""
    DELETE FROM {level.table} AS emptied USING {TOUCHED}
    WHERE emptied.series_id = t.series_id AND emptied.bucket = t.bucket
      AND NOT EXISTS (SELECT FROM {source} AS s WHERE s.series_id = t.series_id
                      AND s.{instant} >= t.bucket AND s.{instant} < t.until)
    """  # noqa: S608
