"""Store telemetry: rows, dead letters and the checkpoint in one transaction.

Numbers go in by one sorted binary COPY. COPY knows no ON CONFLICT, so when it meets a reading that
is stored already, that commit goes through a staging table instead; and as repeats come in swarms
(a device sends its backlog again), the next commits do so from the start until one has none.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import chain

import asyncpg

from weir.clock import Clock, SystemClock, from_us, to_us
from weir.codec.measurement import FieldColumn, MeasurementBatch
from weir.codec.telemetry import Telemetry
from weir.errors import RefusedItemsError
from weir.events.event import JournalEntry
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.postgres import checkpoints, dead_letters, journal
from weir.postgres.activity import Activity
from weir.postgres.arrivals import note_arrivals, past_days
from weir.postgres.corrections import note_corrections
from weir.postgres.deletions import apply_deletion, split_at_deletions, unknown_deletions
from weir.postgres.device_ids import DeviceIds
from weir.postgres.enrolment import Admission, hold_back
from weir.postgres.occurrences import OccurrenceBatch, insert_occurrences, occurrences_seen
from weir.postgres.pool import Connection, transaction
from weir.postgres.rows import Rows, gather
from weir.postgres.series_ids import SeriesIds
from weir.postgres.staging import (
    Outcome,
    copy_numbers,
    insert_numbers,
    insert_texts,
    overwrite_numbers,
)

Column = tuple[int, FieldColumn]
#: (device_id, series_id) by (serial, field).
Ids = Mapping[tuple[str, str], tuple[int, int]]


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
        batches: Sequence[Telemetry],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        """Store batches and dead letters and move the checkpoint, all in one transaction.

        Raises:
            ConflictError: the stored checkpoint is not `start`: another writer was here.
            RejectedByStoreError: the content itself was refused, nothing was stored.
            RefusedItemsError: these batches are of devices that wait for approval.
            StoreUnavailableError: try again later; whether it was stored shows the checkpoint.
        """
        await self._admission.check([batch.serial for batch in batches])
        refused = await unknown_deletions(self._pool, batches)
        if refused:
            raise RefusedItemsError(refused)
        measured = [batch for batch in batches if isinstance(batch, MeasurementBatch)]
        occurred = [batch for batch in batches if isinstance(batch, OccurrenceBatch)]
        ids = await self._series_ids.resolve(
            (batch.serial, column.name, column.unit)
            for batch in measured
            for column in batch.columns
        )
        device_ids = await self._device_ids.resolve(batch.serial for batch in occurred)
        async with transaction(self._pool) as connection:
            await checkpoints.advance(connection, start, next_offset)
            report = await insert_occurrences(connection, occurred, device_ids)
            past: set[date] = set()
            deleted: list[JournalEntry] = []
            for measured_between, deletion in split_at_deletions(batches):
                report += await self._store(connection, measured_between, ids, past)
                if deletion is not None:
                    deleted += await apply_deletion(connection, deletion.deletion_id)
            await note_arrivals(connection, start.stream, next_offset, sorted(past))
            await hold_back(connection, letters)
            await dead_letters.keep(connection, letters)
            seen = chain(_seen(measured, ids), occurrences_seen(occurred, device_ids))
            await self._activity.note(connection, seen)
            corrections = [batch for batch in measured if batch.is_correction]
            corrected = await note_corrections(connection, corrections)
            await journal.append(connection, [*deleted, *corrected])
        return report

    async def _store(
        self,
        connection: Connection,
        batches: Sequence[MeasurementBatch],
        ids: Ids,
        past: set[date],
    ) -> AppendReport:
        """Store measurements; adds the days to `past` that are no longer new."""
        appended = _columns((batch for batch in batches if not batch.is_correction), ids)
        report = await self._append(connection, appended, past)
        # Afterwards, so that within one commit too a correction wins.
        corrected = _columns((batch for batch in batches if batch.is_correction), ids)
        if corrected:
            report += await self._correct(connection, corrected, past)
        return report

    async def _append(
        self, connection: Connection, columns: Sequence[Column], past: set[date]
    ) -> AppendReport:
        rows = gather(columns)
        texts, repeated_texts = _texts(columns, keep_last=False)
        past |= past_days(rows, texts, self._now_us())
        numbers = await self._append_numbers(connection, rows)
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

    async def _append_numbers(self, connection: Connection, rows: Rows) -> Outcome:
        if not len(rows):
            return Outcome(0, 0)
        if not self._expects_repeats:
            try:
                async with connection.transaction():
                    await copy_numbers(connection, "reading", rows)
                return Outcome(len(rows), 0)
            except asyncpg.UniqueViolationError:
                self._expects_repeats = True
        outcome = await insert_numbers(connection, rows)
        self._expects_repeats = outcome.stored_count < len(rows)
        return outcome


def _columns(batches: Iterable[MeasurementBatch], ids: Ids) -> list[Column]:
    return [
        (ids[batch.serial, column.name][1], column) for batch in batches for column in batch.columns
    ]


def _seen(batches: Sequence[MeasurementBatch], ids: Ids) -> Iterable[tuple[int, int, int]]:
    for batch in batches:
        for column in batch.columns:
            device_id, _ = ids[batch.serial, column.name]
            yield device_id, batch.received_at_us, int(column.observed_at_us[-1])


def _texts(
    columns: Sequence[Column], *, keep_last: bool
) -> tuple[list[tuple[int, datetime, str]], int]:
    """Give the texts sorted by key, one for each, and how many were left out for that."""
    chosen: dict[tuple[int, int], str] = {}
    given_count = 0
    for series_id, column in columns:
        for instant, text in zip(column.observed_at_us, column.texts, strict=False):
            given_count += 1
            key = (series_id, int(instant))
            if keep_last or key not in chosen:
                chosen[key] = text
    texts = [(series, from_us(instant), text) for (series, instant), text in sorted(chosen.items())]
    return texts, given_count - len(texts)
