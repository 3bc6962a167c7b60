"""Compress old chunks, where TimescaleDB is loaded and its licence allows it.

Under the Apache licence the functions exist and refuse to work; the setting tells beforehand.
"""

from datetime import datetime, timedelta

import asyncpg

from weir.postgres.errors import translated
from weir.postgres.pool import transaction
from weir.postgres.retention.partitions import PLAIN
from weir.postgres.retention.rows import LOCK_TIMEOUT

#: The value of `timescaledb.license` under which compression works.
COMMUNITY_LICENCE = "timescale"
#: Late readings are mostly not as late as this, and a compressed chunk takes them slowly.
COMPRESSED_AFTER = timedelta(days=7)

_CAN_COMPRESS = f"""
    SELECT storage_mode() <> '{PLAIN}'
       AND coalesce(current_setting('timescaledb.license', true) = '{COMMUNITY_LICENCE}', false)
    """
_IS_PREPARED = """
    SELECT compression_enabled FROM timescaledb_information.hypertables
    WHERE hypertable_schema = current_schema() AND hypertable_name = 'reading'
    """
_FIND = """
    SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks
    WHERE hypertable_schema = current_schema() AND hypertable_name = 'reading'
      AND NOT is_compressed AND range_end <= $1
    ORDER BY range_end LIMIT 1
    """


async def can_compress(pool: asyncpg.Pool) -> bool:
    """Tell whether this database compresses readings.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        return bool(await pool.fetchval(_CAN_COMPRESS))


async def compress_oldest(pool: asyncpg.Pool, now: datetime) -> str | None:
    """Compress the oldest chunk that is old enough; gives its name, None: there is no more.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(LOCK_TIMEOUT)
        if not await connection.fetchval(_IS_PREPARED):
            await connection.execute("SELECT prepare_compression()")
        name = await connection.fetchval(_FIND, now - COMPRESSED_AFTER)
        if name is not None:
            await connection.execute("SELECT compress_partition($1)", name)
    return None if name is None else str(name)
