"""What the rollups of some readings must be, computed by DuckDB from the readings alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WIDTHS_US = {"minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000}
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
_ROLL_UP = """
    WITH steps AS (
        SELECT *, lag(value) OVER (PARTITION BY bucket ORDER BY instant) AS previous
        FROM (SELECT unnest($buckets) AS bucket, unnest($instants) AS instant,
                     unnest($numbers) AS value)
    )
    SELECT bucket, count(*), sum(value), min(value), max(value),
           arg_min(value, instant), min(instant), arg_max(value, instant), max(instant),
           sum(value * value), sum(CASE WHEN value > 0 THEN value ELSE 0 END),
           sum(CASE WHEN value < 0 THEN value ELSE 0 END),
           CASE $kind
               WHEN 'total' THEN sum(coalesce(value - previous, 0))
               WHEN 'total_increasing' THEN sum(
                   CASE WHEN previous IS NULL THEN 0
                        WHEN value < 0.9 * previous THEN value ELSE value - previous END)
           END
    FROM steps GROUP BY bucket
    """

Bucket = dict[str, float | None]


def rollups(
    readings: Mapping[int, float], level: str, kind: str, time_zone: str = "UTC"
) -> dict[int, Bucket]:
    """Give the buckets of one series by their start; all times in microseconds since 1970."""
    if not readings:
        return {}
    columns = {
        "buckets": [_start_us(instant, level, time_zone) for instant in readings],
        "instants": list(readings),
        "numbers": list(readings.values()),
    }
    with duckdb.connect() as connection:
        found = connection.execute(_ROLL_UP, {"kind": kind, **columns}).fetchall()
    return {bucket: dict(zip(COLUMNS, values, strict=True)) for bucket, *values in found}


def _start_us(at_us: int, level: str, time_zone: str) -> int:
    if level in WIDTHS_US:
        return at_us - at_us % WIDTHS_US[level]
    local = (EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(time_zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return int((midnight.astimezone(UTC) - EPOCH).total_seconds()) * 1_000_000
