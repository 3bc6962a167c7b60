"""Run a journal consumer: event by event in the journal's order, from a checkpoint on.

PostgreSQL wakes it when the journal has grown; looking every few seconds makes up for a wake-up
that was lost. The checkpoint moves after the work was done, so that nothing is left out, and what
was under way at a crash is done again.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import structlog

from weir import metrics
from weir.clock import Clock
from weir.consumer import JOURNAL, JournalConsumer
from weir.errors import ConflictError, InvalidMessageError, TransientError
from weir.events.event import JournalRecord
from weir.model.names import journal_key
from weir.ports import Checkpoint, DeadLetter
from weir.runtime.outage import Outage
from weir.tracing import TraceContext, span, trace_of

log = structlog.get_logger()

#: Events handed over at once: also the most that are done again after a crash.
READ_AT_ONCE_COUNT = 200
#: How long a lost wake-up can go unnoticed.
POLL_INTERVAL_S = 5.0
#: Events that are passed over before that is remembered.
SKIPPED_COUNT_MAX = 1_000
#: Or after so long: whoever compares the checkpoint with the journal must not take it for stuck.
SKIPPED_TIME = timedelta(minutes=1)


class Page(Protocol):
    """Events in their order, and the position from which on to read the next ones."""

    @property
    def records(self) -> Sequence[JournalRecord]:
        """Give the events."""
        ...

    @property
    def next_position(self) -> int:
        """Give the position that comes next."""
        ...


class JournalReader(Protocol):
    """Reads the journal as it grows."""

    async def read(self, start: int, types: Sequence[str], limit: int) -> Page:
        """Give events from a position on, of `types` or all."""
        ...

    async def wait(self, timeout_s: float) -> None:
        """Wait until something was appended, at most for a time."""
        ...


class MovableCheckpoints(Protocol):
    """Remembers how far a consumer has come."""

    async def next_offset(self, consumer: str, stream: str) -> int:
        """Tell where it goes on; 0 at first."""
        ...

    async def move(self, start: Checkpoint, next_offset: int) -> None:
        """Move a checkpoint from exactly `start`.

        Raises:
            ConflictError: it is elsewhere: another process has moved it.
        """
        ...


@dataclass(frozen=True, slots=True)
class JournalSource:
    """Where a worker's events and its memory are."""

    open_journal: Callable[[], AbstractAsyncContextManager[JournalReader]]
    checkpoints: MovableCheckpoints
    clock: Clock


class JournalWorker:
    """Runs a journal consumer until it is cancelled."""

    def __init__(self, consumer: JournalConsumer, source: JournalSource) -> None:
        self._consumer = consumer
        self._source = source
        self._outage = Outage()
        self._owes_work = False

    async def run(self) -> None:
        """Work for ever; losing the database, or what the work needs, is waited out."""
        structlog.contextvars.bind_contextvars(consumer=self._consumer.name)
        while True:
            try:
                await self._run_once()
            except (TransientError, ConflictError) as error:
                await self._outage.wait(error)

    async def _run_once(self) -> None:
        name = self._consumer.name
        start = Checkpoint(name, JOURNAL, await self._source.checkpoints.next_offset(name, JOURNAL))
        position, clock = start.next_offset, self._source.clock
        moved_at = clock.now()
        async with self._source.open_journal() as journal:
            while True:
                page = await journal.read(position, self._consumer.types, READ_AT_ONCE_COUNT)
                position = page.next_position
                if page.records:
                    await self._work(page.records)
                elif not self._owes_work:
                    self._outage.over()
                skipped_count = position - start.next_offset
                is_due = skipped_count > 0 and clock.now() - moved_at >= SKIPPED_TIME
                if page.records or is_due or skipped_count > SKIPPED_COUNT_MAX:
                    await self._source.checkpoints.move(start, position)
                    start = replace(start, next_offset=position)
                    moved_at = clock.now()
                if not page.records:
                    await journal.wait(POLL_INTERVAL_S)

    async def _work(self, records: Sequence[JournalRecord]) -> None:
        name = self._consumer.name
        # Being able to read is no recovery while nothing can be done.
        self._owes_work = True
        with (
            metrics.HANDLE_SECONDS.labels(name).time(),
            span(name, _trace_of(records), {"events": len(records)}),
        ):
            await self._handle(records)
        self._owes_work = False
        self._outage.over()
        metrics.DELIVERIES.labels(name, "ack").inc(len(records))
        first_at_s, last_at_s = (
            record.recorded_at.timestamp() for record in (records[0], records[-1])
        )
        commit = metrics.Commit(name, JOURNAL, len(records), first_at_s, last_at_s)
        metrics.note_commit(commit, self._source.clock.now().timestamp())
        log.debug("events_handled", count=len(records), position=records[-1].position)

    async def _handle(self, records: Sequence[JournalRecord]) -> None:
        """Hand events over; halve them until one that can never be handled is alone."""
        try:
            await self._consumer.handle(records)
        except InvalidMessageError as error:
            if len(records) == 1:
                await self._set_aside(records[0], error)
                return
            middle = len(records) // 2
            await self._handle(records[:middle])
            await self._handle(records[middle:])

    async def _set_aside(self, record: JournalRecord, error: InvalidMessageError) -> None:
        name = self._consumer.name
        letter = DeadLetter(
            consumer=name,
            reason=error.reason,
            error=f"{type(error).__name__}: {error}",
            source=JOURNAL,
            routing_key=journal_key(record.entity, record.type),
            body=record.model_dump_json().encode(),
            first_seen_at=record.recorded_at,
            source_offset=record.position,
        )
        await self._consumer.ports.dead_letters.keep(letter)
        metrics.DELIVERIES.labels(name, "dead_letter").inc()
        metrics.DEAD_LETTERS.labels(name, letter.reason).inc()
        log.error("event_dead_lettered", reason=letter.reason, error=letter.error)


def _trace_of(records: Sequence[JournalRecord]) -> TraceContext | None:
    """Give the trace that events belong to, when it is one and the same."""
    ids = {record.correlation_id for record in records}
    only = ids.pop() if len(ids) == 1 else None
    return trace_of(only) if only else None
