"""A year of data for the query benchmark: rollups and readings, made by the database itself."""

from datetime import UTC, datetime, timedelta

from weir.postgres.pool import Connection

#: A year that ends at the last full hour that is rolled up.
BEGIN = datetime(2025, 7, 1, tzinfo=UTC)
DAYS = 365
END = BEGIN + timedelta(days=DAYS)
#: So much at the end of the year is not in the rollups yet.
TAIL = timedelta(hours=2)
EXPORTED_DAYS = 12

_DEVICE = "INSERT INTO device (serial, site_id) SELECT $1, site_id FROM site RETURNING device_id"
_SERIES = """
    INSERT INTO series (device_id, field) SELECT $1, 'field-' || i FROM generate_series(1, $2) AS i
    RETURNING series_id
    """
_ROLL = """
    INSERT INTO {table}
    SELECT id, at, $2::bigint, 20.5 * $2::bigint, 18 + random(), 22 + random(), 20, at, 21,
           at + interval '59 s', 421 * $2::bigint, 20.5 * $2::bigint, 0, NULL
    FROM unnest($1::integer[]) AS id,
         generate_series($3::timestamptz, $4::timestamptz - $5::interval, $5::interval) AS at
    ORDER BY 1, 2
    """
_READ = """
    INSERT INTO reading
    SELECT id, at, round((20 + random())::numeric, 3) FROM unnest($1::integer[]) AS id,
         generate_series($2::timestamptz, $3::timestamptz - $4::interval, $4::interval) AS at
    ORDER BY 1, 2
    """
_LEVELS = {
    "rollup_minute": timedelta(minutes=1),
    "rollup_hour": timedelta(hours=1),
    "rollup_day": timedelta(days=1),
}


async def make_partitions(connection: Connection) -> None:
    """Make a year of daily partitions, and say how far the rollups are."""
    await connection.execute("SELECT ensure_reading_partitions($1, $2)", BEGIN.date(), END.date())
    await connection.execute("SELECT ensure_minute_partitions($1, $2)", BEGIN.date(), END.date())
    await connection.execute("INSERT INTO rollup_progress VALUES ('one', $1)", END - TAIL)


async def fill_hourly(connection: Connection, serial: str, series_count: int) -> None:
    """Store a device with a reading an hour in each field."""
    ids = await _add(connection, serial, series_count)
    hour = timedelta(hours=1)
    await connection.execute(_READ, ids, BEGIN, END, hour)
    for table, width in (("rollup_hour", hour), ("rollup_day", timedelta(days=1))):
        count = width // hour
        await connection.execute(_ROLL.format(table=table), ids, count, BEGIN, END, width)


async def fill_every_second(connection: Connection, serial: str) -> None:
    """Store a device with a reading a second: a year of rollups, and the newest days raw."""
    ids = await _add(connection, serial, 1)
    second = timedelta(seconds=1)
    for table, width in _LEVELS.items():
        await connection.execute(_ROLL.format(table=table), ids, width // second, BEGIN, END, width)
    raw_begin = END - timedelta(days=EXPORTED_DAYS)
    await connection.execute(_READ, ids, raw_begin, END, second)


async def _add(connection: Connection, serial: str, series_count: int) -> list[int]:
    device_id = await connection.fetchval(_DEVICE, serial)
    return [row["series_id"] for row in await connection.fetch(_SERIES, device_id, series_count)]
