"""Stores measurements, device events and locations: whatever the streams carry, exactly once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from weir.codec.single_join import STORED_BYTES_MAX, SingleJoiner, Split
from weir.codec.telemetry import Storable, Telemetry, count_rows, decode_telemetry
from weir.consumer import Joined, Ports, StreamConsumer, StreamMessage
from weir.errors import RefusedItemsError
from weir.model.names import split_key
from weir.ports import AppendReport, Checkpoint, DeadLetter


class Measurements(StreamConsumer[Storable]):
    """Writes telemetry, dead letters and its own checkpoint in one transaction."""

    name = "measurements"
    #: A commit costs as much as a hundred readings, and a person notices ten of these.
    pace_s = 0.01
    joined_bytes_max = STORED_BYTES_MAX

    def __init__(self, ports: Ports, checkpoint_name: str | None = None) -> None:
        super().__init__(ports, checkpoint_name)
        self._joiner = SingleJoiner()

    def decode(self, message: StreamMessage) -> Telemetry:
        """Turn one message into columns, events or locations; pure.

        Raises:
            InvalidMessageError: not what its key says, or not of the device that the key names.
        """
        serial, kind = split_key(message.routing_key)
        return decode_telemetry(kind, message.body, serial, message.received_at_us)

    def join(
        self, stored: Sequence[bytes], received_at_us: NDArray[np.int64], split: Split
    ) -> Joined[Storable] | None:
        """Decode messages of one reading together: each costs a tenth of what it does alone."""
        joined = self._joiner.join(stored, received_at_us, split)
        if joined is None:
            return None
        return Joined(joined.readings, joined.rows.tolist(), joined.routing_keys)

    def weigh(self, item: Storable) -> int:
        """Count the rows that a batch becomes."""
        return count_rows(item)

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[Storable],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        """Store everything from `start` to `next_offset`.

        Raises:
            ConflictError: another worker moved the checkpoint.
            RefusedItemsError: these are of devices that are not let in.
            RejectedByStoreError: the content was refused; the runtime isolates the culprit.
            StoreUnavailableError: try again later.
        """
        try:
            return await self.ports.readings.append(start, next_offset, items, letters)
        except RefusedItemsError as error:
            # One device that is not let in must not take the others' messages apart for ever.
            if error.serials:
                self._joiner.leave_out(error.serials)
            raise
