"""Drop a whole partition, once everything in it has expired and nothing needs it any more.

All in one transaction that holds the lock of the rollups and the partition: what is checked then is
still so when the partition goes, whatever writers are about to do; and a run that is killed leaves
the partition and what is known of it as they were.
"""

import asyncpg

from weir.errors import TransientError
from weir.model.limits import OBSERVED_AT_MIN
from weir.postgres.pool import Connection, transaction
from weir.postgres.retention.bounds import SERIES_WITH_BOUNDS, Bounds
from weir.postgres.retention.layers import LayerTable, below
from weir.postgres.retention.partitions import Partition, Partitions
from weir.postgres.retention.progress import require_rolled_up
from weir.postgres.retention.rows import BY_KEY, LOCK_TIMEOUT, Spans, note_kept
from weir.postgres.retention.site_days import carry_site_days
from weir.postgres.rollup_levels import begin

_EXPIRED = f"""
    SELECT series_id, $5::timestamptz AS since, $4::timestamptz AS until FROM {SERIES_WITH_BOUNDS}
    WHERE expiring.until >= $4 ORDER BY series_id
    """  # noqa: S608 - only constants are put together


async def is_shared(pool: asyncpg.Pool, partition: Partition, bounds: Bounds) -> bool:
    """Tell whether a partition has rows of a series that still keeps some of that time.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(BY_KEY)
        return await _is_shared(connection, partition, bounds)


async def drop_partition(
    pool: asyncpg.Pool,
    layer: LayerTable,
    bounds: Bounds,
    partition: Partition,
    partitions: Partitions,
) -> None:
    """Drop a partition, and note from when on its series are still there.

    Raises:
        TransientError: something in it is needed still; nothing was dropped.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await connection.execute(LOCK_TIMEOUT)
        await begin(connection)
        # As much as can be before the partition is locked, so that few have to wait, and for short.
        await _require_done(connection, layer, bounds, partition)
        rows = await connection.fetch(_EXPIRED, *bounds.arguments, partition.until, partition.since)
        spans = Spans.of(rows)
        if spans:
            await carry_site_days(connection, layer, spans.arguments)
            await note_kept(connection, layer, spans)
        await partitions.lock(connection, partition)
        await _require_done(connection, layer, bounds, partition)
        await partitions.drop(connection, partition)


async def _require_done(
    connection: Connection, layer: LayerTable, bounds: Bounds, partition: Partition
) -> None:
    await require_rolled_up(connection, layer, partition.since, partition.until)
    if await _is_shared(connection, partition, bounds):
        raise TransientError(f"a series that keeps {partition.name} has come to it")
    if await _is_ragged(connection, layer, bounds, partition):
        raise TransientError(f"something that is older than {partition.name} has come meanwhile")
    await _require_lower_gone(connection, layer, bounds, partition)


async def _is_shared(connection: Connection, partition: Partition, bounds: Bounds) -> bool:
    shared = await connection.fetchval(
        f"""
        SELECT EXISTS (
            SELECT FROM {SERIES_WITH_BOUNDS}
            WHERE coalesce(expiring.until, '-infinity') < $4 AND EXISTS (
                SELECT FROM {partition.name} AS row WHERE row.series_id = series.series_id))
        """,  # noqa: S608
        *bounds.arguments,
        partition.until,
    )
    return bool(shared)


async def _is_ragged(
    connection: Connection, layer: LayerTable, bounds: Bounds, partition: Partition
) -> bool:
    """Tell whether a series has rows from before that it was not noted to have lost."""
    ragged = await connection.fetchval(
        f"""
        SELECT EXISTS (
            SELECT FROM {SERIES_WITH_BOUNDS}
            WHERE expiring.until >= $4 AND coalesce(kept.{layer.kept_from}, '-infinity') < $5
              AND EXISTS (
                SELECT FROM {layer.table} AS row WHERE row.series_id = series.series_id
                  AND row.{layer.instant} >= greatest(kept.{layer.kept_from}, $6)
                  AND row.{layer.instant} < $5))
        """,  # noqa: S608
        *bounds.arguments,
        partition.until,
        partition.since,
        OBSERVED_AT_MIN,
    )
    return bool(ragged)


async def _require_lower_gone(
    connection: Connection, layer: LayerTable, bounds: Bounds, partition: Partition
) -> None:
    """Return when nothing is left from which the rows of a partition would be computed again."""
    lower = below(layer)
    if lower is None:
        return
    serial = await connection.fetchval(
        f"""
        SELECT serial FROM {SERIES_WITH_BOUNDS}
        WHERE expiring.until >= $4 AND (
            coalesce(kept.{lower.kept_from}, '-infinity') < $4
            OR EXISTS (SELECT FROM {lower.table} AS row WHERE row.series_id = series.series_id
                         AND row.{lower.instant} >= $5 AND row.{lower.instant} < $4))
        LIMIT 1
        """,  # noqa: S608
        *bounds.arguments,
        partition.until,
        partition.since,
    )
    if serial is not None:
        raise TransientError(
            f"{lower.layer} of {serial} from before {partition.until:%Y-%m-%d} is there still"
        )
