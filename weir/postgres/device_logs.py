"""Store the log lines of devices, each once, in the transaction of their checkpoint.

The files for an operator's tools are written just before the commit: a process that dies between
the two writes those lines to its files again, and never leaves a line out.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta

import asyncpg

from weir.clock import Clock, SystemClock
from weir.model.device_log import LogBatch
from weir.model.log_limit import LogLimit, LogPolicy
from weir.ports import Checkpoint, DeadLetter, DeviceLogSink, LogReport
from weir.postgres import checkpoints, dead_letters
from weir.postgres.activity import Activity
from weir.postgres.device_ids import DeviceIds
from weir.postgres.device_log_floods import LogFloods
from weir.postgres.device_log_rows import LogRow, rows_of
from weir.postgres.enrolment import Admission, hold_back
from weir.postgres.errors import translated
from weir.postgres.pool import Connection, transaction

#: Days remembered to have a partition; more than can be kept.
_DAYS_REMEMBERED_MAX = 10_000

_INSERT = """
    INSERT INTO device_log (device_id, placed_at, digest, level, message, attributes, logged_at,
                            received_at)
    SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::bytea[], $4::smallint[], $5::text[],
                         $6::jsonb[], $7::timestamptz[], $8::timestamptz[])
    ON CONFLICT (device_id, placed_at, digest) DO NOTHING
    """
_ENSURE = "SELECT ensure_device_log_partitions($1::date[])"
_EXPIRED = """
    SELECT child.relname AS name FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'device_log'::regclass AND child.relname < $1 ORDER BY child.relname
    """
#: By its name: the bounds are for tables whose parts have none.
_DROP = "SELECT drop_partition('device_log', $1, '-infinity', 'infinity')"
#: Dropping waits for those that read, and whoever comes meanwhile waits behind it.
_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '3s'"


class PostgresDeviceLogStore:
    """Log lines in the table `device_log`, a partition for each day.

    `sink`: takes each line as well, at least once.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        policy: LogPolicy,
        *,
        sink: DeviceLogSink | None = None,
        needs_approval: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._pool = pool
        self._kept_for = timedelta(days=policy.days)
        self._limit = LogLimit(policy.lines_per_s)
        self._sink = sink
        self._clock = clock or SystemClock()
        self._admission = Admission(pool, needs_approval=needs_approval)
        self._device_ids = DeviceIds(pool)
        self._activity = Activity()
        self._floods = LogFloods(self._limit, policy.flood_told_after_s)
        self._days_made: set[datetime] = set()
        #: The last message whose lines the sink has.
        self._sunk_offset = -1

    async def append(
        self,
        start: Checkpoint,
        next_offset: int,
        batches: Sequence[LogBatch],
        letters: Sequence[DeadLetter],
    ) -> LogReport:
        """Store lines and dead letters and move the checkpoint, all in one transaction.

        Raises:
            ConflictError: the stored checkpoint is not `start`: another writer was here.
            RejectedByStoreError: the content itself was refused, nothing was stored.
            RefusedItemsError: these batches are of devices that are not let in.
            StoreUnavailableError: try again later; whether it was stored shows the checkpoint.
        """
        if start.next_offset == next_offset and not self._floods.may_be_told:
            return LogReport()
        await self._admission.check([batch.serial for batch in batches])
        taken, reserves = self._limit.cut(batches)
        ids = await self._device_ids.resolve(batch.serial for batch in taken)
        kept_from = self._kept_from(self._clock.now())
        rows = list(rows_of(taken, ids, self._kept_for))
        kept = [row for row in rows if row.placed_at >= kept_from]
        await self._ensure_days(row.placed_at for row in kept)
        async with transaction(self._pool) as connection:
            if next_offset > start.next_offset:
                await checkpoints.advance(connection, start, next_offset)
            stored_count = await _insert(connection, kept)
            await self._floods.note(connection, taken, ids)
            told = await self._floods.tell(connection)
            await self._ensure_days(batch.placed_at for batch in told.rows)
            await _insert(connection, told.rows)
            await hold_back(connection, letters)
            await dead_letters.keep(connection, letters)
            await self._activity.note(connection, _seen(taken, ids))
            await self._sink_lines(start, taken, told.batches)
        self._limit.settle(reserves)
        self._floods.settle(told)
        return LogReport(
            stored_count=stored_count,
            repeated_count=len(kept) - stored_count,
            expired_count=len(rows) - len(kept),
            flooded_count=sum(batch.dropped_count for batch in taken),
        )

    async def expire(self, now: datetime) -> int:
        """Drop the days that are no longer kept, and give their number; safe to repeat.

        Raises:
            StoreUnavailableError: try again later; somebody may be reading all the time.
        """
        before = f"device_log_{self._kept_from(now):%Y%m%d}"
        with translated():
            expired = await self._pool.fetch(_EXPIRED, before)
        for partition in expired:
            async with transaction(self._pool) as connection:
                await connection.execute(_LOCK_TIMEOUT)
                await connection.execute(_DROP, partition["name"])
        return len(expired)

    def _kept_from(self, now: datetime) -> datetime:
        day = (now - self._kept_for).astimezone(UTC).date()
        return datetime.combine(day, time(), UTC)

    async def _ensure_days(self, instants: Iterable[datetime]) -> None:
        days = {instant.replace(hour=0, minute=0, second=0, microsecond=0) for instant in instants}
        missing = sorted(days - self._days_made)
        if missing:
            with translated():
                await self._pool.execute(_ENSURE, [day.date() for day in missing])
            if len(self._days_made) > _DAYS_REMEMBERED_MAX:
                self._days_made.clear()
            self._days_made.update(missing)

    async def _sink_lines(
        self, start: Checkpoint, taken: Sequence[LogBatch], told: Sequence[LogBatch]
    ) -> None:
        """Pass lines on, those of a commit that is tried again only once."""
        if self._sink is None:
            return
        if start.next_offset == 0:
            # The stream is a new one.
            self._sunk_offset = -1
        unsunk = [batch for batch in taken if batch.offset > self._sunk_offset]
        if unsunk or told:
            await self._sink.write([*unsunk, *told])
        if taken:
            self._sunk_offset = max(self._sunk_offset, taken[-1].offset)


def _seen(
    batches: Sequence[LogBatch], device_ids: Mapping[str, int]
) -> Iterable[tuple[int, int, int]]:
    for batch in batches:
        yield device_ids[batch.serial], batch.received_at_us, batch.received_at_us


async def _insert(connection: Connection, rows: Sequence[LogRow]) -> int:
    if not rows:
        return 0
    status = await connection.execute(
        _INSERT,
        [row.device_id for row in rows],
        [row.placed_at for row in rows],
        [row.digest for row in rows],
        [row.level for row in rows],
        [row.message for row in rows],
        [row.attributes for row in rows],
        [row.logged_at for row in rows],
        [row.received_at for row in rows],
    )
    return int(status.rsplit(" ", 1)[-1])
