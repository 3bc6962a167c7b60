"""Between device log lines and their bytes."""

from collections.abc import Sequence

from weir.codec.wire import check_count, check_length, parse
from weir.errors import OversizeError
from weir.model.device_log import Level, LogEntry
from weir.model.limits import (
    LOG_ATTRIBUTE_COUNT_MAX,
    LOG_ATTRIBUTE_NAME_LENGTH_MAX,
    LOG_ATTRIBUTE_VALUE_LENGTH_MAX,
    LOG_ENTRY_COUNT_MAX,
    LOG_MESSAGE_LENGTH_MAX,
)
from weir.model.serial import check_same_serial
from weir.telemetry.v1 import log_pb2 as wire

LEVEL_NUMBERS = {
    Level.DEBUG: wire.LEVEL_DEBUG,
    Level.INFO: wire.LEVEL_INFO,
    Level.WARNING: wire.LEVEL_WARNING,
    Level.ERROR: wire.LEVEL_ERROR,
    Level.CRITICAL: wire.LEVEL_CRITICAL,
}
_LEVELS = {number: level for level, number in LEVEL_NUMBERS.items()}


def decode_logs(body: bytes, serial: str) -> list[LogEntry]:
    """Decode log lines that arrived on the routing key of `serial`, in their order.

    Raises:
        DecodeError: not a batch of log lines.
        OversizeError: too many bytes, lines, attributes or characters.
        WrongSerialError: the batch names another device.
        ImplausibleReadingError: a text contains U+0000.
    """
    return decode_boot_logs(body, serial)[1]


def decode_boot_logs(body: bytes, serial: str) -> tuple[int, list[LogEntry]]:
    """Decode log lines with the boot id of their device; raises what `decode_logs` raises."""
    batch = parse(wire.LogBatch, body)
    return batch.boot_id, logs_from(batch, serial)


def logs_from(batch: wire.LogBatch, serial: str) -> list[LogEntry]:
    """Check a batch that is parsed; raises what `decode_logs` raises."""
    check_same_serial(batch.serial, serial)
    check_count("log lines", len(batch.entries), LOG_ENTRY_COUNT_MAX)
    return [_decode_entry(entry) for entry in batch.entries]


def encode_logs(entries: Sequence[LogEntry], *, serial: str = "", boot_id: int = 0) -> bytes:
    """Encode log lines for their device's routing key."""
    return wire.LogBatch(
        serial=serial,
        boot_id=boot_id,
        entries=[
            wire.LogEntry(
                logged_at_us=entry.logged_at_us,
                level=LEVEL_NUMBERS[entry.level],
                message=entry.message,
                attributes=entry.attributes,
            )
            for entry in entries
        ],
    ).SerializeToString()


def _decode_entry(entry: wire.LogEntry) -> LogEntry:
    if len(entry.attributes) > LOG_ATTRIBUTE_COUNT_MAX:
        raise OversizeError(f"{len(entry.attributes)} attributes in one log line")
    attributes = {}
    for name, value in entry.attributes.items():
        check_length("attribute name", name, LOG_ATTRIBUTE_NAME_LENGTH_MAX)
        check_length(f"attribute {name}", value, LOG_ATTRIBUTE_VALUE_LENGTH_MAX)
        attributes[name] = value
    return LogEntry(
        logged_at_us=entry.logged_at_us,
        level=_LEVELS.get(entry.level, Level.INFO),
        message=check_length("message", entry.message, LOG_MESSAGE_LENGTH_MAX),
        attributes=attributes,
    )
