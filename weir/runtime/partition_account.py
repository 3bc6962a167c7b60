"""Say what a partition worker has done: metrics, one log line, and the limit of dead letters."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import structlog

from weir import metrics
from weir.clock import Clock
from weir.runtime.dead_letter_limit import DeadLetterLimit
from weir.runtime.partition_commit import Committed
from weir.runtime.partition_entry import Entry

log = structlog.get_logger()


class PartitionAccount:
    """Counts the commits of one consumer on one partition."""

    def __init__(self, consumer: str, stream: str, clock: Clock, limit: DeadLetterLimit) -> None:
        self._consumer = consumer
        self._stream = stream
        self._clock = clock
        self._limit = limit

    def expect(self, message_count: int) -> None:
        """Say that messages are about to be committed; they wait until `note`."""
        metrics.WAITING_MESSAGES.labels(self._consumer, self._stream).set(message_count)

    def note(
        self, committed: Committed, entries: Sequence[Entry[Any]], commit: metrics.Commit
    ) -> None:
        """Note one commit.

        Raises:
            TooManyDeadLettersError: nearly everything is rejected.
        """
        self.expect(0)
        self._measure(committed, commit)
        if committed.letters:
            log.error(
                "deliveries_dead_lettered",
                count=len(committed.letters),
                reason=committed.letters[0].reason,
                error=committed.letters[0].error,
            )
        log.debug("batch_stored", count=commit.message_count, **asdict(committed.report))
        self._count(committed, entries)

    def _count(self, committed: Committed, entries: Sequence[Entry[Any]]) -> None:
        now = self._clock.now()
        letters = {letter.source_offset: letter for letter in committed.letters}
        accepted: list[str] = []
        for entry in entries:
            if entry.routing_keys:
                accepted += entry.routing_keys
                continue
            letter = letters.get(entry.message.offset)
            if letter is None:
                accepted.append(entry.message.routing_key)
                continue
            # In their order: what was accepted in between ends a run.
            self._limit.accept(now, *accepted)
            accepted.clear()
            self._limit.reject(now, letter)
        self._limit.accept(now, *accepted)
        self._limit.check(now)

    def _measure(self, committed: Committed, commit: metrics.Commit) -> None:
        name, report = self._consumer, committed.report
        metrics.READINGS_STORED.labels(name).inc(report.stored_count)
        metrics.READINGS_REPEATED.labels(name).inc(report.repeated_count)
        metrics.READINGS_CONFLICTING.labels(name).inc(report.conflicting_count)
        metrics.DEVICE_EVENTS_STORED.labels(name).inc(report.event_count)
        metrics.LOCATIONS_STORED.labels(name).inc(report.location_count)
        metrics.ROLLUPS_WRITTEN.labels(name).inc(report.rollup_count)
        metrics.DELIVERIES.labels(name, "ack").inc(commit.message_count - len(committed.letters))
        for letter in committed.letters:
            metrics.DELIVERIES.labels(name, "dead_letter").inc()
            metrics.DEAD_LETTERS.labels(name, letter.reason).inc()
        metrics.note_commit(commit, self._clock.now().timestamp())
