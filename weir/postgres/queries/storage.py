"""What the database takes: its mode, and the size and span of each table that grows."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.model.retention import Layer
from weir.postgres.queries._read import fetch, fetch_row
from weir.postgres.retention.compression import COMMUNITY_LICENCE
from weir.postgres.retention.partitions import PLAIN, Partitions


@dataclass(frozen=True, slots=True)
class TableSize:
    """What a table takes; `row_count` is an estimate, `oldest` and `newest` are exact."""

    layer: Layer
    table: str
    byte_count: int
    row_count: int
    partition_count: int
    oldest: datetime | None
    newest: datetime | None


@dataclass(frozen=True, slots=True)
class Storage:
    """How things are stored; version and licence are TimescaleDB's, None without it."""

    mode: str
    timescaledb_version: str | None
    timescaledb_licence: str | None
    is_compressing: bool
    tables: tuple[TableSize, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """Where a table's rows are found.

    `owner`: whose rows its key groups, `series` or `device`. `row_bytes`: of a heap page, for what
    was never analysed. `partitions`: whether it has any.
    """

    layer: Layer
    name: str
    instant: str
    owner: str
    row_bytes: int
    has_partitions: bool = False


_TABLES = (
    _Table(Layer.RAW, "reading", "observed_at", "series", 52, has_partitions=True),
    _Table(Layer.RAW, "text_reading", "observed_at", "series", 60, has_partitions=True),
    _Table(Layer.MINUTE, "rollup_minute", "bucket", "series", 140, has_partitions=True),
    _Table(Layer.HOUR, "rollup_hour", "bucket", "series", 140),
    _Table(Layer.DAY, "rollup_day", "bucket", "series", 140),
    _Table(Layer.DAY, "rollup_site_day", "bucket", "series", 150),
    _Table(Layer.EVENT, "device_event", "observed_at", "device", 200),
    _Table(Layer.LOCATION, "location", "observed_at", "device", 84),
)
_MODE = """
    SELECT storage_mode() AS mode,
           (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS version,
           CASE WHEN storage_mode() <> 'plain'
                THEN current_setting('timescaledb.license', true) END AS licence
    """
#: As the planner estimates: by what a page held when the table was last analysed. Partitions and
#: chunks inherit, both.
_SIZE = """
    WITH part AS (
        SELECT $1::text::regclass AS oid
        UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = $1::text::regclass
    )
    SELECT sum(pg_total_relation_size(oid))::bigint AS byte_count,
           sum(CASE WHEN reltuples >= 0 AND relpages > 0
               THEN reltuples * (pg_relation_size(oid)
                                 / current_setting('block_size')::float8 / relpages)
               ELSE pg_relation_size(oid) / $2::float8 END)::bigint AS row_count
    FROM part JOIN pg_class USING (oid)
    """
#: What is compressed is not inherited.
_HYPERTABLE_SIZE = """
    SELECT hypertable_size($1::text::regclass) AS byte_count,
           approximate_row_count($1::text::regclass) AS row_count
    """


async def describe_storage(pool: asyncpg.Pool) -> Storage:
    """Measure every table that grows.

    Raises:
        StoreUnavailableError: try again later.
    """
    (found,) = await fetch(pool, _MODE)
    return Storage(
        mode=found["mode"],
        timescaledb_version=found["version"],
        timescaledb_licence=found["licence"],
        is_compressing=found["licence"] == COMMUNITY_LICENCE,
        tables=tuple([await _measure(pool, table, found["mode"]) for table in _TABLES]),
    )


async def _measure(pool: asyncpg.Pool, table: _Table, mode: str) -> TableSize:
    parts = await Partitions(mode).find(pool, table.name) if table.has_partitions else []
    (size,) = await fetch(pool, _SIZE, table.name, table.row_bytes)
    byte_count, row_count = size["byte_count"], size["row_count"]
    if table.has_partitions and mode != PLAIN:
        (whole,) = await fetch(pool, _HYPERTABLE_SIZE, table.name)
        byte_count, row_count = whole["byte_count"], max(whole["row_count"], row_count)
    names = [part.name for part in parts]
    stray = [f"{table.name}_default"] if table.has_partitions and mode == PLAIN else []
    whole_table = [] if table.has_partitions else [table.name]
    return TableSize(
        layer=table.layer,
        table=table.name,
        byte_count=byte_count,
        row_count=row_count,
        partition_count=len(parts),
        oldest=await _edge(pool, table, ("min", "ASC"), [whole_table or stray, names]),
        newest=await _edge(pool, table, ("max", "DESC"), [whole_table or stray, names[::-1]]),
    )


async def _edge(
    pool: asyncpg.Pool, table: _Table, edge: tuple[str, str], parts: list[list[str]]
) -> datetime | None:
    """Find the first or last instant: a step in the index for each series and part looked at.

    `parts`: those without an order, which are all looked at, and those in the order of the search.
    """
    function, order = edge
    found: list[datetime] = []
    unordered, ordered = parts
    for names, is_ordered in ((unordered, False), (ordered, True)):
        for name in names:
            row = await fetch_row(
                pool,
                f"""
                SELECT {function}(one.at) AS at FROM {table.owner} CROSS JOIN LATERAL (
                    SELECT {table.instant} AS at FROM {name} AS row
                    WHERE row.{table.owner}_id = {table.owner}.{table.owner}_id
                    ORDER BY {table.instant} {order} LIMIT 1) AS one
                """,  # noqa: S608 - names come from the catalogue, quoted
            )
            if row and row["at"] is not None:
                found.append(row["at"])
                if is_ordered:
                    break
    return (min if function == "min" else max)(found, default=None)
