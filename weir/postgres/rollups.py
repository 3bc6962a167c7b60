"""Recompute minutes from raw readings."""

import asyncpg

from weir.clock import from_us
from weir.ports import Checkpoint, TouchedBuckets
from weir.postgres import checkpoints
from weir.postgres.pool import Connection, transaction

#: The first and last value are looked up by the key afterwards, instead of sorting every bucket.
_RECOMPUTE = """
    WITH touched AS (
        SELECT DISTINCT series.series_id, t.bucket
        FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS t (serial, field, bucket)
        JOIN device USING (serial) JOIN series USING (device_id, field)
    ), computed AS (
        SELECT series_id, bucket, count(*) AS count, sum(value) AS sum,
               min(value) AS min, max(value) AS max,
               min(observed_at) AS first_at, max(observed_at) AS last_at,
               sum(value * value) AS sum_squares,
               sum(greatest(value, 0)) AS sum_positive, sum(least(value, 0)) AS sum_negative
        FROM touched JOIN LATERAL (
            SELECT r.observed_at, r.value FROM reading AS r
            WHERE r.series_id = touched.series_id
              AND r.observed_at >= bucket AND r.observed_at < bucket + interval '1 minute'
        ) AS raw ON true
        GROUP BY series_id, bucket
    )
    INSERT INTO rollup_minute (series_id, bucket, count, sum, min, max, first_value, first_at,
                               last_value, last_at, sum_squares, sum_positive, sum_negative)
    SELECT c.series_id, c.bucket, c.count, c.sum, c.min, c.max, f.value, c.first_at,
           l.value, c.last_at, c.sum_squares, c.sum_positive, c.sum_negative
    FROM computed AS c
    JOIN reading AS f ON f.series_id = c.series_id AND f.observed_at = c.first_at
    JOIN reading AS l ON l.series_id = c.series_id AND l.observed_at = c.last_at
    ORDER BY c.series_id, c.bucket
    ON CONFLICT (series_id, bucket) DO UPDATE SET
        count = excluded.count, sum = excluded.sum, min = excluded.min, max = excluded.max,
        first_value = excluded.first_value, first_at = excluded.first_at,
        last_value = excluded.last_value, last_at = excluded.last_at,
        sum_squares = excluded.sum_squares,
        sum_positive = excluded.sum_positive, sum_negative = excluded.sum_negative
    """


class PostgresRollupStore:
    """Rollups in the table `rollup_minute`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def recompute(self, start: Checkpoint, next_offset: int, buckets: TouchedBuckets) -> int:
        """Recompute minutes from raw and move the checkpoint in one transaction.

        Returns the number of buckets written.

        Raises:
            ConflictError: the stored checkpoint is not `start`.
            StoreUnavailableError: try again later.
        """
        async with transaction(self._pool) as connection:
            await checkpoints.advance(connection, start, next_offset)
            return await _recompute(connection, buckets)


async def _recompute(connection: Connection, buckets: TouchedBuckets) -> int:
    if not buckets:
        return 0
    status = await connection.execute(
        _RECOMPUTE,
        [serial for serial, _, _ in buckets],
        [field for _, field, _ in buckets],
        [from_us(minute_us) for _, _, minute_us in buckets],
    )
    return int(status.rsplit(" ", 1)[-1])
