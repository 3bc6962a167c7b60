"""Fills the tables of a database as the consumers would, from readings that a test makes up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.clock import from_us
from weir.model.announcement import Kind
from weir.postgres.pool import Connection
from weir.postgres.queries.series import Series, find_series

MINUTE_US = 60_000_000

_ADD_DEVICE = """
    WITH here AS (
        INSERT INTO site (org_id, slug, name, time_zone)
        SELECT org_id, lower($1), $1, $2 FROM organisation
        ON CONFLICT (org_id, slug) DO UPDATE SET time_zone = excluded.time_zone RETURNING site_id
    )
    INSERT INTO device (serial, site_id) SELECT $1, site_id FROM here
    ON CONFLICT (serial) DO NOTHING
    """
_ADD_SERIES = """
    INSERT INTO series (device_id, field, kind)
    SELECT device_id, $2, $3 FROM device WHERE serial = $1
    ON CONFLICT (device_id, field) DO UPDATE SET kind = excluded.kind RETURNING series_id
    """
_FORGET = """
    TRUNCATE reading, text_reading, rollup_minute, rollup_hour, rollup_day, rollup_site_day,
             rollup_progress, series_kept, rollup_request
    """
#: What the rollups must not be asked for is not in them, so that asking shows.
_ROLL = """
    INSERT INTO {table}
    SELECT *{zone} FROM (
        SELECT series_id, bucket, count(*), sum(value), min(value), max(value),
               (array_agg(value ORDER BY observed_at))[1], min(observed_at),
               (array_agg(value ORDER BY observed_at DESC))[1], max(observed_at),
               sum(value * value), sum(greatest(value, 0)), sum(least(value, 0)),
               CASE WHEN kind <> 'gauge'
                    THEN coalesce(sum(counter_rise(kind, previous, value)), 0) END
        FROM (SELECT r.*, {bucket} AS bucket, kind, lag(value) OVER (
                         PARTITION BY series_id, {bucket} ORDER BY observed_at) AS previous
              FROM reading AS r JOIN series USING (series_id) JOIN device USING (device_id)
              JOIN site USING (site_id)
              WHERE observed_at < date_trunc('minute', $1::timestamptz) - interval '1 minute'
                AND ({when})) AS raw
        GROUP BY series_id, bucket, kind
    ) AS rolled
    """


@dataclass(frozen=True)
class Filled:
    """A series as the database has it, by instant in microseconds."""

    serial: str
    field: str
    kind: Kind
    readings: Mapping[int, float]


async def forget(connection: Connection) -> None:
    """Empty every table of readings."""
    await connection.execute(_FORGET)


async def fill(connection: Connection, filled: Filled, time_zone: str = "UTC") -> int:
    """Store readings, with the device and series that they need; gives the id of the series."""
    await connection.execute(_ADD_DEVICE, filled.serial, time_zone)
    series_id: int = await connection.fetchval(
        _ADD_SERIES, filled.serial, filled.field, filled.kind
    )
    rows = [(series_id, from_us(at_us), value) for at_us, value in filled.readings.items()]
    await connection.copy_records_to_table(
        "reading", records=rows, columns=["series_id", "observed_at", "value"]
    )
    return series_id


async def roll(connection: Connection, rolled_until: datetime) -> None:
    """Compute every level from what is stored, as far as a query may rely on it."""
    site_day = "date_trunc('day', observed_at, site.time_zone)"
    for table, bucket, zone, when in (
        ("rollup_minute", "date_trunc('minute', observed_at)", "", "true"),
        ("rollup_hour", "date_trunc('hour', observed_at)", "", "true"),
        ("rollup_day", "date_trunc('day', observed_at, 'UTC')", "", "true"),
        ("rollup_site_day", site_day, ", ''", "site.time_zone <> 'UTC'"),
    ):
        statement = _ROLL.format(table=table, bucket=bucket, zone=zone, when=when)
        await connection.execute(statement, rolled_until)
    await connection.execute(
        "INSERT INTO rollup_progress VALUES ('one', $1), ('two', $1 + interval '1 hour')",
        rolled_until,
    )


async def named(pool: asyncpg.Pool, filled: Sequence[Filled]) -> list[Series]:
    """Find the series as a question that names them does."""
    serials = list(dict.fromkeys(each.serial for each in filled))
    return await find_series(pool, serials, sorted({each.field for each in filled}))
