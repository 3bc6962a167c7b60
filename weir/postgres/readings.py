"""Store telemetry: rows, dead letters and the checkpoint in one transaction.

Numbers go in by one sorted binary COPY. COPY knows no ON CONFLICT, so when it meets a reading that
is stored already, that commit is made again through a staging table; and as repeats come in swarms
(a device sends its backlog again), the next commits do so from the start until one has none.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, islice
from typing import NamedTuple

import asyncpg
import numpy as np
from numpy.typing import NDArray

from weir.clock import Clock, SystemClock, from_us, to_us
from weir.codec.measurement import FieldColumn, MeasurementBatch
from weir.codec.single_readings import SingleReadings
from weir.codec.telemetry import Storable
from weir.errors import RefusedItemsError, RejectedByStoreError
from weir.events.event import JournalEntry
from weir.model.deletion import Deletion
from weir.model.quality import doubt
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.postgres import checkpoints, dead_letters, journal
from weir.postgres.activity import Activity, newest_of
from weir.postgres.arrivals import note_arrivals, past_days
from weir.postgres.corrections import note_corrections
from weir.postgres.deletions import apply_deletion, split_at_deletions, unknown_deletions
from weir.postgres.device_ids import DeviceIds
from weir.postgres.enrolment import Admission, hold_back
from weir.postgres.occurrences import OccurrenceBatch, insert_occurrences, occurrences_seen
from weir.postgres.pool import Connection, transaction
from weir.postgres.rows import MixedOrderError, Rows, gather, gather_singles
from weir.postgres.series_ids import SeriesIds
from weir.postgres.staging import (
    Outcome,
    TextRow,
    copy_numbers,
    insert_numbers,
    insert_texts,
    overwrite_numbers,
)

Column = tuple[int, FieldColumn]


class Placed(NamedTuple):
    """A column with the integers of its series, and the batch that brought it."""

    device_id: int
    series_id: int
    batch: MeasurementBatch
    column: FieldColumn


class PlacedSingles(NamedTuple):
    """Readings that came in a message each, with the integers of their series."""

    device_ids: NDArray[np.int64]
    series_ids: NDArray[np.int64]
    readings: SingleReadings


@dataclass(frozen=True, slots=True)
class _Work:
    """What one transaction stores; `columns`: all of `batches`, in their order.

    There are no deletions where there are `singles`. `may_repeat`: some of it may be stored.
    """

    start: Checkpoint
    next_offset: int
    batches: Sequence[Storable]
    letters: Sequence[DeadLetter]
    columns: Sequence[Placed]
    occurred: Sequence[OccurrenceBatch]
    device_ids: Mapping[str, int]
    singles: Sequence[PlacedSingles]
    may_repeat: bool


class PostgresReadingStore:
    """Readings in the tables `reading` and `text_reading`; events and locations beside them."""

    def __init__(
        self, pool: asyncpg.Pool, *, needs_approval: bool = False, clock: Clock | None = None
    ) -> None:
        self._pool = pool
        self._clock = clock or SystemClock()
        self._admission = Admission(pool, needs_approval=needs_approval)
        self._series_ids = SeriesIds(pool)
        self._device_ids = DeviceIds(pool)
        self._activity = Activity()
        self._expects_repeats = False

    async def append(
        self,
        start: Checkpoint,
        next_offset: int,
        batches: Sequence[Storable],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        """Store batches and dead letters and move the checkpoint, all in one transaction.

        Single readings have no place among the other batches; where that makes a difference they
        are refused, and whoever has them as batches in their order must give them as such.

        Raises:
            ConflictError: the stored checkpoint is not `start`: another writer was here.
            RejectedByStoreError: the content itself was refused, nothing was stored.
            RefusedItemsError: these batches are of devices that wait for approval.
            StoreUnavailableError: try again later; whether it was stored shows the checkpoint.
        """
        _check_order(batches)
        await self._admission.check(_serials(batches))
        refused = await unknown_deletions(self._pool, batches)
        if refused:
            raise RefusedItemsError(refused)
        work = await self._prepare(start, next_offset, batches, letters)
        try:
            return await self._commit(work)
        except MixedOrderError as error:
            raise RejectedByStoreError(str(error)) from error
        except RejectedByStoreError as error:
            is_repeat = isinstance(error.__cause__, asyncpg.UniqueViolationError)
            # As this commit was made: other partitions change what is expected meanwhile.
            if work.may_repeat or not is_repeat:
                raise
        # Once more, this time through the staging table.
        self._expects_repeats = True
        return await self._commit(replace(work, may_repeat=True))

    async def _prepare(
        self,
        start: Checkpoint,
        next_offset: int,
        batches: Sequence[Storable],
        letters: Sequence[DeadLetter],
    ) -> _Work:
        """Find the integers of every series and device, and sort the batches by what they are."""
        columns = [
            (batch, column)
            for batch in batches
            if isinstance(batch, MeasurementBatch)
            for column in batch.columns
        ]
        ids = await self._series_ids.resolve(
            [(batch.serial, column.name) for batch, column in columns],
            [column.unit for _, column in columns],
        )
        occurred = [batch for batch in batches if isinstance(batch, OccurrenceBatch)]
        device_ids = await self._device_ids.resolve(batch.serial for batch in occurred)
        placed = [Placed(*known, *column) for known, column in zip(ids, columns, strict=True)]
        singles = [
            _place(await self._series_ids.resolve(batch.series, batch.units), batch)
            for batch in batches
            if isinstance(batch, SingleReadings)
        ]
        return _Work(
            start,
            next_offset,
            batches,
            letters,
            placed,
            occurred,
            device_ids,
            singles,
            may_repeat=self._expects_repeats,
        )

    async def _commit(self, work: _Work) -> AppendReport:
        async with transaction(self._pool) as connection:
            await checkpoints.advance(connection, work.start, work.next_offset)
            report = await insert_occurrences(connection, work.occurred, work.device_ids)
            past: set[date] = set()
            deleted: list[JournalEntry] = []
            columns = iter(work.columns)
            for measured, deletion in split_at_deletions(work.batches):
                count = sum(len(batch.columns) for batch in measured)
                report += await self._store(connection, list(islice(columns, count)), work, past)
                if deletion is not None:
                    deleted += await apply_deletion(connection, deletion.deletion_id)
            await note_arrivals(connection, work.start.stream, work.next_offset, sorted(past))
            await hold_back(connection, work.letters)
            await dead_letters.keep(connection, work.letters)
            await self._activity.note(connection, _seen(work))
            corrections = [
                batch
                for batch in work.batches
                if isinstance(batch, MeasurementBatch) and batch.is_correction
            ]
            corrected = await note_corrections(connection, corrections)
            await journal.append(connection, [*deleted, *corrected])
        return report

    async def _store(
        self,
        connection: Connection,
        columns: Sequence[Placed],
        work: _Work,
        past: set[date],
    ) -> AppendReport:
        """Store measurements; adds the days to `past` that are no longer new."""
        corrected = [(c.series_id, c.column) for c in columns if c.batch.is_correction]
        appended = [(c.series_id, c.column) for c in columns if not c.batch.is_correction]
        report = await self._append(connection, appended, work, past)
        # Afterwards, so that within one commit too a correction wins.
        if corrected:
            report += await self._correct(connection, corrected, past)
        return report

    async def _append(
        self,
        connection: Connection,
        columns: Sequence[Column],
        work: _Work,
        past: set[date],
    ) -> AppendReport:
        rows = gather(columns)
        for singles in work.singles:
            rows = gather_singles(singles.series_ids, singles.readings, rows)
        texts, repeated_texts = _texts(columns, keep_last=False)
        past |= past_days(rows, texts, self._now_us())
        numbers = await self._append_numbers(connection, rows, may_repeat=work.may_repeat)
        stored_texts = await insert_texts(connection, texts, overwrite=False)
        stored_count = numbers.stored_count + stored_texts.stored_count
        conflicting_count = numbers.conflicting_count + stored_texts.conflicting_count
        given_count = len(rows) + rows.repeated_count + len(texts) + repeated_texts
        return AppendReport(
            stored_count=stored_count,
            repeated_count=given_count - stored_count - conflicting_count,
            conflicting_count=conflicting_count + rows.conflicting_count,
        )

    async def _correct(
        self, connection: Connection, columns: Sequence[Column], past: set[date]
    ) -> AppendReport:
        rows = gather(columns, keep_last=True)
        texts, _ = _texts(columns, keep_last=True)
        past |= past_days(rows, texts, self._now_us())
        stored_count = await overwrite_numbers(connection, rows) if len(rows) else 0
        stored_texts = await insert_texts(connection, texts, overwrite=True)
        return AppendReport(stored_count=stored_count + stored_texts.stored_count)

    def _now_us(self) -> int:
        return to_us(self._clock.now())

    async def _append_numbers(
        self, connection: Connection, rows: Rows, *, may_repeat: bool
    ) -> Outcome:
        if not len(rows):
            return Outcome(0, 0)
        if not may_repeat:
            await copy_numbers(connection, "reading", rows)
            return Outcome(len(rows), 0)
        outcome = await insert_numbers(connection, rows)
        self._expects_repeats = outcome.stored_count < len(rows)
        return outcome


def _place(ids: Sequence[tuple[int, int]], readings: SingleReadings) -> PlacedSingles:
    flat = np.fromiter(chain.from_iterable(ids), np.int64, 2 * len(ids))
    return PlacedSingles(flat[::2], flat[1::2], readings)


def _seen(work: _Work) -> Iterable[tuple[int, int, int]]:
    for placed in work.columns:
        yield placed.device_id, placed.batch.received_at_us, int(placed.column.observed_at_us[-1])
    for device_ids, _, readings in work.singles:
        yield from newest_of(device_ids, readings.received_at_us, readings.observed_at_us)
    yield from occurrences_seen(work.occurred, work.device_ids)


def _check_order(batches: Sequence[Storable]) -> None:
    """Return where nothing depends on when single readings came, among other batches."""
    kinds = {type(batch) for batch in batches}
    if SingleReadings in kinds and Deletion in kinds:
        raise RejectedByStoreError("a deletion among readings that do not say when they came")


def _serials(batches: Sequence[Storable]) -> list[str]:
    """Give the serial of every batch, by its index; those of single readings behind them."""
    single = [batch for batch in batches if isinstance(batch, SingleReadings)]
    serials = [batch.serial for batch in batches if not isinstance(batch, SingleReadings)]
    return serials + [serial for readings in single for serial, _ in readings.series]


def _texts(columns: Sequence[Column], *, keep_last: bool) -> tuple[list[TextRow], int]:
    """Give the texts sorted by key, one for each, and how many were left out for that."""
    chosen: dict[tuple[int, int], tuple[str, int | None]] = {}
    given_count = 0
    for series_id, column in [pair for pair in columns if pair[1].texts]:
        quality = doubt(column.quality)
        for instant, text in zip(column.observed_at_us, column.texts, strict=False):
            given_count += 1
            key = (series_id, int(instant))
            if keep_last or key not in chosen:
                chosen[key] = (text, quality)
    texts = [(series, from_us(at), *said) for (series, at), said in sorted(chosen.items())]
    return texts, given_count - len(texts)
