"""Keeps the log lines of devices: some days in the database, and files for an operator's tools."""

from collections.abc import Sequence

from weir import metrics
from weir.codec.device_log import decode_boot_logs
from weir.codec.json_forms.logs import decode_boot_logs_json
from weir.consumer import Chore, StreamConsumer, StreamMessage
from weir.errors import UnknownEventError
from weir.model.device_log import LogBatch
from weir.model.names import LOGS_STREAM, split_key
from weir.ports import AppendReport, Checkpoint, DeadLetter

_DECODERS = {"logs": decode_boot_logs, "logs.json": decode_boot_logs_json}
#: How often days that are over are looked for.
EXPIRY_INTERVAL_S = 3_600.0


class Logs(StreamConsumer[LogBatch]):
    """Stores each line once, in the order of the stream; what floods is dropped and counted."""

    name = "logs"
    stream = LOGS_STREAM
    #: A flood that has ended is told soon, though nobody logs any more.
    idle_interval_s = 5.0

    def decode(self, message: StreamMessage) -> LogBatch:
        """Turn one message into the lines of its device; pure.

        Raises:
            InvalidMessageError: not a batch of log lines, or not this device's.
        """
        serial, kind = split_key(message.routing_key)
        if kind not in _DECODERS:
            raise UnknownEventError(f"no log lines have the key {message.routing_key!r}")
        boot_id, entries = _DECODERS[kind](message.body, serial)
        return LogBatch(serial, message.offset, message.received_at_us, boot_id, entries)

    def weigh(self, item: LogBatch) -> int:
        """Count the rows that a batch becomes."""
        return len(item.entries)

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[LogBatch],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        """Store everything from `start` to `next_offset`, save what is too much of one device.

        Raises:
            ConflictError: another worker moved the checkpoint.
            RejectedByStoreError: the content was refused; the runtime isolates the culprit.
            RefusedItemsError: these are of devices that are not let in.
            StoreUnavailableError: try again later.
        """
        report = await self.ports.device_logs.append(start, next_offset, items, letters)
        metrics.LOG_LINES.labels(self.name, "stored").inc(report.stored_count)
        metrics.LOG_LINES.labels(self.name, "repeated").inc(report.repeated_count)
        metrics.LOG_LINES.labels(self.name, "expired").inc(report.expired_count)
        metrics.LOG_LINES.labels(self.name, "flooded").inc(report.flooded_count)
        return AppendReport()

    def chores(self) -> Sequence[Chore]:
        """Drop the days that are no longer kept."""
        return (Chore("expiry", EXPIRY_INTERVAL_S, self._expire),)

    async def _expire(self) -> None:
        await self.ports.device_logs.expire(self.ports.clock.now())
