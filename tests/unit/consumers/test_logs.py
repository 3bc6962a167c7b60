"""Log lines of devices on their way from the stream."""

import pytest

from consumers.logs import Logs
from weir.codec.device_log import encode_logs
from weir.consumer import StreamMessage
from weir.errors import DecodeError, UnknownEventError, WrongSerialError
from weir.model.device_log import Level, LogBatch, LogEntry
from weir.testing.memory import memory_ports

ENTRIES = [
    LogEntry(1, Level.INFO, "boot", {}),
    LogEntry(0, Level.ERROR, "dry run", {"rpm": "0"}),
]
BODY = encode_logs(ENTRIES, serial="pump-1", boot_id=7)


def decode(body: bytes, routing_key: str) -> LogBatch:
    return Logs(memory_ports()).decode(StreamMessage(12, routing_key, body, 345))


def test_a_message_becomes_the_lines_of_its_device() -> None:
    assert LogBatch("pump-1", 12, 345, 7, ENTRIES) == decode(BODY, "sensor.pump-1.logs")


def test_lines_in_json_are_the_same_lines() -> None:
    body = (
        b'{"boot_id": 7, "entries": [{"time": 1, "level": "info", "message": "boot"},'
        b' {"level": "error", "message": "dry run", "attributes": {"rpm": "0"}}]}'
    )
    assert LogBatch("pump-1", 12, 345, 7, ENTRIES) == decode(body, "sensor.pump-1.logs.json")


def test_a_batch_weighs_as_many_rows_as_it_has_lines() -> None:
    assert 2 == Logs(memory_ports()).weigh(decode(BODY, "sensor.pump-1.logs"))


@pytest.mark.parametrize(
    ("body", "routing_key", "error"),
    [
        (b"\xff", "sensor.pump-1.logs", DecodeError),
        (BODY, "sensor.pump-2.logs", WrongSerialError),
        (BODY, "sensor.pump-1.logs.json", DecodeError),
        (BODY, "sensor.pump-1.logs.xml", UnknownEventError),
    ],
)
def test_what_is_no_batch_of_this_device_is_refused(
    body: bytes, routing_key: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        decode(body, routing_key)
