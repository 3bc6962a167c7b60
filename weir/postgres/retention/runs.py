"""Runs of retention: everything that has expired goes, in small transactions, the oldest first.

A run may be killed at any moment and repeated at any time. What it cannot drop it leaves for the
next one, and says why; the layers above then wait by themselves, because none goes before the one
that it is computed from.
"""

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as time_of_day

import asyncpg
import structlog

from weir.errors import RejectedByStoreError, StoreUnavailableError, TransientError
from weir.model.limits import OBSERVED_AT_MIN
from weir.model.retention import Layer
from weir.ports import Expired, RetentionReport, Wait
from weir.postgres.errors import translated
from weir.postgres.retention.bounds import Bounds, find_bounds
from weir.postgres.retention.compression import can_compress, compress_oldest
from weir.postgres.retention.drops import drop_partition, is_shared
from weir.postgres.retention.layers import PARTITIONED, RAW, TABLES, LayerTable
from weir.postgres.retention.partitions import Partitions, open_partitions
from weir.postgres.retention.policies import read_policies
from weir.postgres.retention.rows import delete_spans, fetch_expired
from weir.postgres.retention.sweep import find_noted, forget_noted, sweep_late
from weir.postgres.retention.unrolled import (
    DEVICE_TABLES,
    TEXT_TABLE,
    delete_of_devices,
    delete_texts,
    drop_if_empty,
)

log = structlog.get_logger()

_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('weir.retention', 0))"
_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('weir.retention', 0))"


class PostgresRetentionStore:
    """Retention over the tables of a database; `budget_s`: how long one run goes on."""

    def __init__(self, pool: asyncpg.Pool, *, budget_s: float = float("inf")) -> None:
        self._pool = pool
        self._budget_s = budget_s

    async def run(self, now: datetime) -> RetentionReport:
        """Drop what has expired at `now`; safe to repeat, and one at a time.

        Raises:
            StoreUnavailableError: try again later; what was dropped stays dropped.
        """
        async with _only_one(self._pool) as is_ours:
            if not is_ours:
                busy = Wait(None, "another run is under way")
                return RetentionReport((), (busy,), is_finished=False)
            policies = await read_policies(self._pool)
            bounds = await find_bounds(self._pool, policies, now)
            partitions = await open_partitions(self._pool)
            deadline = time.monotonic() + self._budget_s
            run = _Run(self._pool, partitions, bounds, deadline)
            await run.go(now)
        report = RetentionReport(run.expired, run.waits, is_finished=not run.is_over)
        log.info(
            "retention_finished",
            partition_count=sum(each.partition is not None for each in report.expired),
            row_count=sum(each.row_count or 0 for each in report.expired),
            waits=[wait.reason for wait in report.waits],
            is_finished=report.is_finished,
        )
        return report


@dataclass(slots=True)
class _Run:
    """One run, and what it has done so far."""

    pool: asyncpg.Pool
    partitions: Partitions
    bounds: Mapping[Layer, Bounds]
    deadline: float
    expired: list[Expired] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.deadline

    async def go(self, now: datetime) -> None:
        await self._sweep()
        for layer in TABLES:
            with self._waits_noted(layer.layer):
                await self._expire(layer)
            if layer is RAW:
                with self._waits_noted(Layer.RAW):
                    await self._expire_texts()
        for of in DEVICE_TABLES:
            bounds = self.bounds[of.layer]
            with self._waits_noted(of.layer):
                while not self.is_over and bounds.latest is not None:
                    row_count = await delete_of_devices(self.pool, of, bounds)
                    if not row_count:
                        break
                    self._note_rows(of.layer, of.table, bounds.latest, row_count)
        await self._compress(now)

    async def _sweep(self) -> None:
        for day, offsets in await find_noted(self.pool):
            if self.is_over:
                return
            until = datetime.combine(day, time_of_day(), UTC)
            with self._waits_noted(Layer.RAW):
                for layer in TABLES:
                    row_count = await sweep_late(self.pool, layer, day)
                    self._note_rows(layer.layer, layer.table, until, row_count)
                await forget_noted(self.pool, day, offsets)

    async def _expire(self, layer: LayerTable) -> None:
        bounds = self.bounds[layer.layer]
        latest = bounds.latest
        if latest is None:
            return
        found = await self.partitions.find(self.pool, layer.table) if layer in PARTITIONED else []
        for partition in found:
            if self.is_over or partition.until > latest:
                break
            if await is_shared(self.pool, partition, bounds):
                continue
            # What is older goes first, from wherever it is: a series begins at one instant.
            await self._delete_rows(layer, partition.since, partition.until)
            await drop_partition(self.pool, layer, bounds, partition, self.partitions)
            self.expired.append(
                Expired(
                    layer.layer,
                    layer.table,
                    partition.until,
                    partition=partition.name,
                    byte_count=partition.byte_count,
                )
            )
        await self._delete_rows(layer, latest, OBSERVED_AT_MIN)

    async def _delete_rows(self, layer: LayerTable, before: datetime, reaching: datetime) -> None:
        """Delete what has expired before `before`, of series that expire as far as `reaching`."""
        after_id = 0
        while not self.is_over:
            limits = (before, reaching, after_id)
            spans = await fetch_expired(self.pool, layer, self.bounds[layer.layer], limits)
            if not spans:
                return
            deleted = await delete_spans(self.pool, layer, spans)
            self._note_rows(layer.layer, layer.table, before, deleted.row_count)
            if not deleted.has_advanced:
                after_id = spans.series_ids[-1]

    async def _expire_texts(self) -> None:
        latest = self.bounds[Layer.RAW].latest
        if latest is None:
            return
        while not self.is_over and (row_count := await delete_texts(self.pool)):
            self._note_rows(Layer.RAW, TEXT_TABLE, latest, row_count)
        for partition in await self.partitions.find(self.pool, TEXT_TABLE):
            if self.is_over or partition.until > latest:
                return
            await drop_if_empty(self.pool, partition, self.partitions)

    async def _compress(self, now: datetime) -> None:
        if await can_compress(self.pool):
            with self._waits_noted(Layer.RAW):
                while not self.is_over and (name := await compress_oldest(self.pool, now)):
                    log.info("chunk_compressed", chunk=name)

    def _note_rows(self, layer: Layer, table: str, until: datetime, row_count: int) -> None:
        """Add rows to what the same table has lost already."""
        if not row_count:
            return
        for index, each in enumerate(self.expired):
            if each.table == table and each.partition is None:
                total = row_count + (each.row_count or 0)
                until = max(until, each.until)
                self.expired[index] = Expired(layer, table, until, row_count=total)
                return
        self.expired.append(Expired(layer, table, until, row_count=row_count))

    @contextmanager
    def _waits_noted(self, layer: Layer) -> Iterator[None]:
        """Go on with the next layer when this one has to wait; an outage ends the run.

        What the database refuses (sums at the edge of what a double holds) is left as it is.
        """
        try:
            yield
        except (TransientError, RejectedByStoreError) as error:
            reason = str(error)
            if isinstance(error.__cause__, asyncpg.LockNotAvailableError):
                reason = "somebody was using it all the time"
            elif isinstance(error, StoreUnavailableError):
                raise
            if Wait(layer, reason) not in self.waits:
                self.waits.append(Wait(layer, reason))


@asynccontextmanager
async def _only_one(pool: asyncpg.Pool) -> AsyncIterator[bool]:
    """Give whether this is the only run, and keep it so until the block ends."""
    with translated():
        async with pool.acquire() as connection:
            try:
                is_ours = bool(await connection.fetchval(_TRY_LOCK))
                try:
                    yield is_ours
                finally:
                    if is_ours:
                        await connection.execute(_UNLOCK)
            except BaseException:
                # The pool keeps sessions as they are, and this one may still have the lock.
                connection.terminate()
                raise
