"""Keep the rollups of what is stored, at every level in one transaction.

Minutes are computed from readings, hours from minutes, days from hours: all levels agree with one
another at any moment, and a repetition changes nothing.
"""

from datetime import datetime

import asyncpg
import structlog

from weir.errors import RejectedByStoreError
from weir.ports import Checkpoint, TouchedMinutes
from weir.postgres import checkpoints
from weir.postgres.errors import translated
from weir.postgres.known_series import KnownSeries
from weir.postgres.pool import transaction
from weir.postgres.rollup_buckets import BucketKey
from weir.postgres.rollup_levels import begin, compute_levels
from weir.postgres.rollup_requests import work_off_day
from weir.postgres.rollup_statements import PLAIN, SATURATING, Arithmetic

log = structlog.get_logger()

_IS_ASKED = "SELECT EXISTS (SELECT FROM rollup_request)"
_NOTE_PROGRESS = """
    INSERT INTO rollup_progress (stream, rolled_until) VALUES ($1, $2)
    ON CONFLICT (stream) DO UPDATE
    SET rolled_until = greatest(rollup_progress.rolled_until, excluded.rolled_until)
    """


class PostgresRollupStore:
    """Rollups in the tables `rollup_minute`, `rollup_hour`, `rollup_day` and `rollup_site_day`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._known_series = KnownSeries(pool)

    async def recompute(
        self,
        start: Checkpoint,
        next_offset: int,
        minutes: TouchedMinutes,
        rolled_until: datetime | None,
    ) -> int:
        """Recompute minutes and all above them, and move the checkpoint, in one transaction.

        Returns the number of buckets written.

        Raises:
            ConflictError: the stored checkpoint is not `start`.
            StoreUnavailableError: try again later.
        """
        series_ids = await self._known_series.look_up({(one[0], one[1]) for one in minutes})
        touched = [
            (series_ids[serial, field], minute_us)
            for serial, field, minute_us in minutes
            # What the writer has rejected may have no series.
            if (serial, field) in series_ids
        ]
        try:
            return await self._recompute(start, next_offset, touched, rolled_until, PLAIN)
        except RejectedByStoreError as error:
            # All that can be refused about sums of what is stored is that they are too large.
            log.warning("rollup_overflowed", count=len(touched), error=str(error))
            return await self._recompute(start, next_offset, touched, rolled_until, SATURATING)

    async def _recompute(
        self,
        start: Checkpoint,
        next_offset: int,
        touched: list[BucketKey],
        rolled_until: datetime | None,
        arithmetic: Arithmetic,
    ) -> int:
        async with transaction(self._pool) as connection:
            await begin(connection)
            await checkpoints.advance(connection, start, next_offset)
            count = await compute_levels(connection, touched, arithmetic=arithmetic)
            if rolled_until is not None:
                await connection.execute(_NOTE_PROGRESS, start.stream, rolled_until)
            return count

    async def work_off_request(self) -> bool:
        """Recompute one day of what was asked for to be computed again; False when nothing was.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            if not await self._pool.fetchval(_IS_ASKED):
                return False
        async with transaction(self._pool) as connection:
            await begin(connection)
            return await work_off_day(connection)
