"""Partitions and chunks: which there are, and how one is locked and dropped.

Both modes of storage, behind one face; they differ here and in the first migrations only.
"""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.postgres.errors import translated
from weir.postgres.pool import Connection

#: Partitions of the calendar; the default one has no bounds and is none of them. Statistics are
#: NULL until the table is first analysed.
_PLAIN = r"""
    SELECT child.oid::regclass::text AS name, bounds[1]::timestamptz AS since,
           bounds[2]::timestamptz AS until, pg_total_relation_size(child.oid) AS byte_count,
           nullif(child.reltuples, -1)::bigint AS row_count
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    CROSS JOIN LATERAL regexp_match(pg_get_expr(child.relpartbound, child.oid),
                                    'FROM \(''([^'']+)''\) TO \(''([^'']+)''\)') AS bounds
    WHERE inhparent = $1::text::regclass AND bounds IS NOT NULL
    ORDER BY since
    """
_TIMESCALEDB = """
    SELECT format('%I.%I', chunk.chunk_schema, chunk.chunk_name) AS name,
           range_start AS since, range_end AS until, size.total_bytes AS byte_count,
           nullif(class.reltuples, -1)::bigint AS row_count
    FROM timescaledb_information.chunks AS chunk
    JOIN chunks_detailed_size($1::text::regclass) AS size
        USING (chunk_schema, chunk_name)
    JOIN pg_class AS class
        ON class.oid = format('%I.%I', chunk.chunk_schema, chunk.chunk_name)::regclass
    WHERE hypertable_schema = current_schema() AND hypertable_name = $1
    ORDER BY since
    """
PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Partition:
    """A part of a table that has all rows from `since` to `until`.

    `name` is quoted for statements; `row_count` is an estimate, None where there is none yet.
    """

    table: str
    name: str
    since: datetime
    until: datetime
    byte_count: int
    row_count: int | None


class Partitions:
    """The partitions or chunks of this database; made by `open_partitions`."""

    def __init__(self, mode: str) -> None:
        self.mode = mode

    async def find(self, pool: asyncpg.Pool, table: str) -> list[Partition]:
        """Give all of a table, the oldest first.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            rows = await pool.fetch(_PLAIN if self.mode == PLAIN else _TIMESCALEDB, table)
        return [Partition(table=table, **row) for row in rows]

    async def lock(self, connection: Connection, partition: Partition) -> None:
        """Wait until nobody writes to the table or reads the partition, and keep it so."""
        # Dropping a native partition takes the whole table. A chunk goes by itself, and writers
        # wait at the hypertable: one that had chosen its chunk already would find it gone.
        mode = "ACCESS EXCLUSIVE" if self.mode == PLAIN else "EXCLUSIVE"
        await connection.execute(f"LOCK TABLE ONLY {partition.table} IN {mode} MODE")
        await connection.execute(f"LOCK TABLE {partition.name} IN ACCESS EXCLUSIVE MODE")

    async def drop(self, connection: Connection, partition: Partition) -> None:
        """Drop a partition that is locked."""
        await connection.execute(
            "SELECT drop_partition($1, $2, $3, $4)",
            partition.table,
            partition.name,
            partition.since,
            partition.until,
        )


async def open_partitions(pool: asyncpg.Pool) -> Partitions:
    """Find out which mode the database is in.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        return Partitions(await pool.fetchval("SELECT storage_mode()"))
