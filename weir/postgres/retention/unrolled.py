"""Delete what no rollup is computed from: texts, device events and locations.

Nothing has to be noted or waited for, so this goes by rows, a bounded number at a time.
"""

from dataclasses import dataclass

import asyncpg

from weir.model.retention import Layer
from weir.postgres.pool import transaction
from weir.postgres.retention.bounds import EXPIRING, Bounds
from weir.postgres.retention.partitions import Partition, Partitions
from weir.postgres.retention.rows import BY_KEY, LOCK_TIMEOUT

#: Rows of one transaction, gone within a second or so.
ROW_COUNT = 20_000


@dataclass(frozen=True, slots=True)
class DeviceTable:
    """A table of what devices tell beside their readings."""

    layer: Layer
    table: str


DEVICE_TABLES = (
    DeviceTable(Layer.EVENT, "device_event"),
    DeviceTable(Layer.LOCATION, "location"),
)
TEXT_TABLE = "text_reading"

#: Texts go with the readings of their series.
_DELETE_TEXTS = """
    DELETE FROM text_reading AS text USING (
        SELECT kept.series_id, old.observed_at FROM series_kept AS kept
        CROSS JOIN LATERAL (
            SELECT observed_at FROM text_reading AS t
            WHERE t.series_id = kept.series_id AND t.observed_at < kept.raw_from
            ORDER BY observed_at LIMIT $1) AS old
        LIMIT $1) AS expired
    WHERE text.series_id = expired.series_id AND text.observed_at = expired.observed_at
      AND text.observed_at < (SELECT max(raw_from) FROM series_kept)
    """


async def delete_texts(pool: asyncpg.Pool) -> int:
    """Delete some texts from before their series are kept; 0 when there are no more.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(LOCK_TIMEOUT)
        await connection.execute(BY_KEY)
        return _count(await connection.execute(_DELETE_TEXTS, ROW_COUNT))


async def delete_of_devices(pool: asyncpg.Pool, of: DeviceTable, bounds: Bounds) -> int:
    """Delete some events or locations that have expired; 0 when there are no more.

    Raises:
        StoreUnavailableError: try again later.
    """
    statement = f"""
        DELETE FROM {of.table} WHERE ctid = ANY(ARRAY(
            SELECT expired.ctid FROM {EXPIRING}
            JOIN device USING (site_id) JOIN {of.table} AS expired USING (device_id)
            WHERE expired.observed_at < expiring.until LIMIT $4))
        """  # noqa: S608 - only constants are put together
    async with transaction(pool) as connection:
        await connection.execute(LOCK_TIMEOUT)
        return _count(await connection.execute(statement, *bounds.arguments, ROW_COUNT))


async def drop_if_empty(pool: asyncpg.Pool, partition: Partition, partitions: Partitions) -> bool:
    """Drop a partition that has no rows; False when it has.

    Raises:
        StoreUnavailableError: try again later.
    """
    is_empty = f"SELECT NOT EXISTS (SELECT FROM {partition.name})"  # noqa: S608
    async with transaction(pool) as connection:
        await connection.execute(LOCK_TIMEOUT)
        if not await connection.fetchval(is_empty):
            return False
        await partitions.lock(connection, partition)
        if not await connection.fetchval(is_empty):
            return False
        await partitions.drop(connection, partition)
    return True


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])
