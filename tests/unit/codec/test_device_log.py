"""Log lines of devices: carried unchanged, and bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.codec.batches import SERIAL
from weir.codec.device_log import decode_logs, encode_logs
from weir.errors import DecodeError, ImplausibleReadingError, OversizeError, WrongSerialError
from weir.model.device_log import Level, LogEntry
from weir.model.limits import (
    LOG_ATTRIBUTE_COUNT_MAX,
    LOG_ATTRIBUTE_NAME_LENGTH_MAX,
    LOG_ATTRIBUTE_VALUE_LENGTH_MAX,
    LOG_ENTRY_COUNT_MAX,
    LOG_MESSAGE_LENGTH_MAX,
)
from weir.telemetry.v1 import log_pb2 as wire

TEXTS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=60)
ENTRIES = st.builds(
    LogEntry,
    logged_at_us=st.integers(-(2**63), 2**63 - 1),
    level=st.sampled_from(Level),
    message=TEXTS,
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=5),
)


@given(st.lists(ENTRIES, min_size=1, max_size=10))
def test_log_lines_survive_the_wire_in_order(entries: list[LogEntry]) -> None:
    assert entries == decode_logs(encode_logs(entries, serial=SERIAL, boot_id=7), SERIAL)


@pytest.mark.parametrize(
    "message",
    [
        wire.LogBatch(entries=[wire.LogEntry()] * (LOG_ENTRY_COUNT_MAX + 1)),
        wire.LogBatch(entries=[wire.LogEntry(message="x" * (LOG_MESSAGE_LENGTH_MAX + 1))]),
        wire.LogBatch(
            entries=[
                wire.LogEntry(
                    attributes={str(index): "" for index in range(LOG_ATTRIBUTE_COUNT_MAX + 1)}
                )
            ]
        ),
        wire.LogBatch(
            entries=[wire.LogEntry(attributes={"x" * (LOG_ATTRIBUTE_NAME_LENGTH_MAX + 1): ""})]
        ),
        wire.LogBatch(
            entries=[wire.LogEntry(attributes={"x": "x" * (LOG_ATTRIBUTE_VALUE_LENGTH_MAX + 1)})]
        ),
        wire.LogBatch(entries=[wire.LogEntry(message="x" * 8_192)] * 100),
    ],
)
def test_too_much_is_oversize(message: wire.LogBatch) -> None:
    with pytest.raises(OversizeError):
        decode_logs(message.SerializeToString(), SERIAL)


@pytest.mark.parametrize(
    "entry",
    [
        wire.LogEntry(message="a\0"),
        wire.LogEntry(attributes={"a\0": ""}),
        wire.LogEntry(attributes={"a": "\0"}),
    ],
)
def test_a_zero_character_is_implausible(entry: wire.LogEntry) -> None:
    with pytest.raises(ImplausibleReadingError):
        decode_logs(wire.LogBatch(entries=[entry]).SerializeToString(), SERIAL)


def test_no_lines_another_serial_and_other_bytes_are_refused() -> None:
    with pytest.raises(DecodeError):
        decode_logs(b"", SERIAL)
    with pytest.raises(DecodeError):
        decode_logs(b"\xff", SERIAL)
    other = wire.LogBatch(serial="other", entries=[wire.LogEntry()])
    with pytest.raises(WrongSerialError):
        decode_logs(other.SerializeToString(), SERIAL)


def test_an_unknown_level_is_info() -> None:
    message = wire.LogBatch(entries=[wire.LogEntry(level=99)])  # type: ignore[arg-type] # on purpose
    assert decode_logs(message.SerializeToString(), SERIAL)[0].level is Level.INFO
