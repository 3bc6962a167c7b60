"""Keeps the rollups: which minutes a batch touched, recomputed from what is stored."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from consumers._pending_minutes import PendingMinutes
from weir.clock import from_us
from weir.codec.touched import Minute, touched_minutes
from weir.consumer import Chore, Ports, StreamConsumer, StreamMessage
from weir.model.names import split_key
from weir.ports import AppendReport, Checkpoint, DeadLetter

#: Minutes computed in one transaction: some hundred milliseconds.
MINUTES_AT_ONCE = 20_000
#: A stream that is silent for so long has nothing on its way to us.
SILENCE = timedelta(minutes=5)
#: How often the rollups of a silent stream are said to be up to date.
SILENCE_NOTED = timedelta(seconds=30)
REQUEST_INTERVAL_S = 1.0
RETENTION_INTERVAL_S = 3_600.0

#: The minutes that a message touches, and when the broker took it.
Touched = tuple[frozenset[Minute], int]


class Aggregates(StreamConsumer[Touched]):
    """Recomputes touched minutes after the measurement writer has stored their readings.

    It never adds to a bucket, so late, repeated and corrected readings come out right. A minute is
    computed when it has ended, or soon after a late reading; until then the checkpoint stays.
    """

    name = "aggregates"
    follows = "measurements"
    commit_interval_s = 2.0
    idle_interval_s = 2.0

    def __init__(self, ports: Ports, checkpoint_name: str | None = None) -> None:
        super().__init__(ports, checkpoint_name)
        self._pending: dict[str, PendingMinutes] = {}
        #: When each partition last had a message, or was last noted to be silent.
        self._heard_at: dict[str, datetime] = {}

    def chores(self) -> Sequence[Chore]:
        """Compute again what was asked for, and drop what is rolled up and has expired."""
        return (
            Chore("requests", REQUEST_INTERVAL_S, self._work_off_requests),
            Chore("retention", RETENTION_INTERVAL_S, self._retain),
        )

    def decode(self, message: StreamMessage) -> Touched:
        """Find the minutes that a message touches; pure.

        Raises:
            InvalidMessageError: the measurement writer rejects it too.
        """
        serial, kind = split_key(message.routing_key)
        received_at_us = message.received_at_us
        return touched_minutes(kind, message.body, serial, received_at_us), received_at_us

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[Touched],
        letters: Sequence[DeadLetter],  # noqa: ARG002 - the measurement writer keeps them
    ) -> AppendReport:
        """Take what was touched from `start` to `next_offset`; compute the minutes that are due.

        Raises:
            ConflictError: another worker moved the checkpoint.
            StoreUnavailableError: try again later.
        """
        now = self.ports.clock.now()
        # Put back when all went well: otherwise the worker starts again from what is stored.
        pending = self._pending.pop(start.stream, None)
        if pending is None or pending.reached_offset != start.next_offset:
            pending = PendingMinutes(start.next_offset, start.next_offset)
        if next_offset > start.next_offset:
            minutes = frozenset[Minute]().union(*(touched for touched, _ in items))
            received_until = from_us(items[-1][1]) if items else None
            pending.add(minutes, next_offset, received_until, now)
            self._heard_at[start.stream] = now
        elif now - self._heard_at.setdefault(start.stream, now) >= SILENCE_NOTED:
            pending.note_silence(now - SILENCE)
            self._heard_at[start.stream] = now
        count = await self._compute(start, pending, pending.take_due(now))
        self._pending[start.stream] = pending
        return AppendReport(rollup_count=count)

    async def _compute(
        self, start: Checkpoint, pending: PendingMinutes, due: Sequence[Minute]
    ) -> int:
        """Compute minutes, and move the checkpoint with the last of them as far as it may go."""
        if not due and pending.is_stored:
            return 0
        count = 0
        for first in range(0, max(1, len(due)), MINUTES_AT_ONCE):
            is_last = first + MINUTES_AT_ONCE >= len(due)
            stored = replace(start, next_offset=pending.stored_offset)
            if is_last:
                pending.note_stored()
            count += await self.ports.rollups.recompute(
                stored,
                pending.stored_offset,
                due[first : first + MINUTES_AT_ONCE],
                pending.rolled_until if is_last else None,
            )
        return count

    async def _retain(self) -> None:
        await self.ports.retention.run(self.ports.clock.now())

    async def _work_off_requests(self) -> None:
        while await self.ports.rollups.work_off_request():
            pass
