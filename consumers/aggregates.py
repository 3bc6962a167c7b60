"""Keeps the minute rollups: which minutes a batch touched, recomputed from what is stored."""

from collections.abc import Sequence

import numpy as np

from weir.codec.measurement import Instants, MeasurementBatch
from weir.codec.telemetry import decode_telemetry
from weir.consumer import StreamConsumer, StreamMessage
from weir.model.names import split_key
from weir.ports import AppendReport, Checkpoint, DeadLetter

MINUTE_US = 60_000_000

#: (serial, field, start of the minute in microseconds since 1970-01-01 UTC).
Bucket = tuple[str, str, int]


class Aggregates(StreamConsumer[frozenset[Bucket]]):
    """Recomputes touched minutes after the measurement writer has stored their readings.

    It never adds to a bucket, so late, repeated and corrected readings come out right.
    """

    name = "aggregates"
    follows = "measurements"
    #: A busy minute is recomputed at most this often.
    commit_interval_s = 5.0

    def decode(self, message: StreamMessage) -> frozenset[Bucket]:
        """Find the minutes that a batch touches, none if it has no measurements; pure.

        Raises:
            InvalidMessageError: the measurement writer rejects it too.
        """
        serial, kind = split_key(message.routing_key)
        batch = decode_telemetry(kind, message.body, serial, message.received_at_us)
        return touched_minutes(batch) if isinstance(batch, MeasurementBatch) else frozenset()

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[frozenset[Bucket]],
        letters: Sequence[DeadLetter],  # noqa: ARG002 - the measurement writer keeps them
    ) -> AppendReport:
        """Recompute every minute that was touched from `start` to `next_offset`.

        Raises:
            ConflictError: another worker moved the checkpoint.
            StoreUnavailableError: try again later.
        """
        buckets = sorted(frozenset().union(*items))
        count = await self.ports.rollups.recompute(start, next_offset, buckets)
        return AppendReport(rollup_count=count)


def touched_minutes(batch: MeasurementBatch) -> frozenset[Bucket]:
    """Give the minutes in which a batch has numbers."""
    return frozenset(
        (batch.serial, column.name, minute * MINUTE_US)
        for column in batch.columns
        if len(column.numbers)
        for minute in _minutes(column.observed_at_us)
    )


def _minutes(observed_at_us: Instants) -> set[int]:
    """Give the distinct minutes since 1970 of some instants."""
    if isinstance(observed_at_us, list):
        return {instant // MINUTE_US for instant in observed_at_us}
    minutes: list[int] = np.unique(observed_at_us // MINUTE_US).tolist()
    return set(minutes)
