"""Watches the sequence numbers of each device: a missing batch is seen, and seen to arrive late."""

from collections.abc import Sequence
from typing import NamedTuple

from weir import metrics
from weir.codec.json_forms.measurements import decode_header_json
from weir.codec.measurement import decode_header
from weir.consumer import StreamConsumer, StreamMessage
from weir.model.names import split_key
from weir.ports import AppendReport, Checkpoint, DeadLetter

_DECODERS = {"measurements": decode_header, "measurements.json": decode_header_json}


class Arrival(NamedTuple):
    """One batch that has arrived; `sequence` is 0 where the device does not count."""

    serial: str
    boot_id: int
    sequence: int


class Gaps(StreamConsumer[Arrival]):
    """Notes which batches of each boot have arrived."""

    name = "gaps"
    follows = "measurements"
    #: Devices send many batches between two looks.
    commit_interval_s = 2.0

    def decode(self, message: StreamMessage) -> Arrival:
        """Read where a batch stands among those of its boot; pure.

        A batch that the measurement writer rejects for what it says has arrived all the same.

        Raises:
            InvalidMessageError: it cannot be decoded.
        """
        serial, kind = split_key(message.routing_key)
        if kind not in _DECODERS:
            return Arrival(serial, 0, 0)
        boot_id, sequence = _DECODERS[kind](message.body)
        return Arrival(serial, boot_id, sequence)

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[Arrival],
        letters: Sequence[DeadLetter],  # noqa: ARG002 - the measurement writer keeps them
    ) -> AppendReport:
        """Note the arrivals from `start` to `next_offset`.

        Raises:
            ConflictError: another worker moved the checkpoint.
            StoreUnavailableError: try again later.
        """
        seen: dict[tuple[str, int], set[int]] = {}
        for serial, boot_id, sequence in items:
            if boot_id and sequence:
                seen.setdefault((serial, boot_id), set()).add(sequence)
        await self.ports.sequences.note(start, next_offset, seen)
        metrics.MISSING_BATCHES.set(await self.ports.sequences.count_missing())
        return AppendReport()
