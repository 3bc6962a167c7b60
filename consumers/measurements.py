"""Stores measurements: every reading of the measurement streams, exactly once."""

from collections.abc import Sequence

from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.consumer import StreamConsumer, StreamMessage
from weir.model.names import serial_of
from weir.ports import AppendReport, Checkpoint, DeadLetter


class Measurements(StreamConsumer[MeasurementBatch]):
    """Writes readings, dead letters and its own checkpoint in one transaction."""

    name = "measurements"

    def decode(self, message: StreamMessage) -> MeasurementBatch:
        """Turn one message into columns; pure.

        Raises:
            InvalidMessageError: not measurements, or not of the device that the key names.
        """
        serial = serial_of(message.routing_key)
        return decode_measurements(message.body, serial, message.received_at_us)

    def weigh(self, item: MeasurementBatch) -> int:
        """Count the rows that a batch becomes."""
        return item.reading_count

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[MeasurementBatch],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        """Store the readings from `start` to `next_offset`.

        Raises:
            ConflictError: another worker moved the checkpoint.
            RejectedByStoreError: the content was refused; the runtime isolates the culprit.
            StoreUnavailableError: try again later.
        """
        return await self.ports.readings.append(start, next_offset, items, letters)
