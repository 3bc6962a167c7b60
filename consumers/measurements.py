"""Stores measurements, device events and locations: whatever the streams carry, exactly once."""

from collections.abc import Sequence

from weir.codec.telemetry import Telemetry, count_rows, decode_telemetry
from weir.consumer import StreamConsumer, StreamMessage
from weir.model.names import split_key
from weir.ports import AppendReport, Checkpoint, DeadLetter


class Measurements(StreamConsumer[Telemetry]):
    """Writes telemetry, dead letters and its own checkpoint in one transaction."""

    name = "measurements"
    #: A commit costs as much as a hundred readings, and a person notices ten of these.
    pace_s = 0.01

    def decode(self, message: StreamMessage) -> Telemetry:
        """Turn one message into columns, events or locations; pure.

        Raises:
            InvalidMessageError: not what its key says, or not of the device that the key names.
        """
        serial, kind = split_key(message.routing_key)
        return decode_telemetry(kind, message.body, serial, message.received_at_us)

    def weigh(self, item: Telemetry) -> int:
        """Count the rows that a batch becomes."""
        return count_rows(item)

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[Telemetry],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        """Store everything from `start` to `next_offset`.

        Raises:
            ConflictError: another worker moved the checkpoint.
            RejectedByStoreError: the content was refused; the runtime isolates the culprit.
            StoreUnavailableError: try again later.
        """
        return await self.ports.readings.append(start, next_offset, items, letters)
