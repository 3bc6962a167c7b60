"""Log lines of devices on their way to the sink."""

import pytest

from consumers.logs import Logs
from tests.unit.consumers.deliveries import delivery
from weir.codec.device_log import encode_logs
from weir.errors import DecodeError, UnknownEventError, WrongSerialError
from weir.model.device_log import Level, LogEntry
from weir.testing.clock import START
from weir.testing.memory import MemoryDeviceLogSink, memory_ports

ENTRIES = [
    LogEntry(1, Level.INFO, "boot", {}),
    LogEntry(0, Level.ERROR, "dry run", {"rpm": "0"}),
]
BODY = encode_logs(ENTRIES, serial="pump-1")


async def test_the_lines_of_a_batch_are_written_in_their_order() -> None:
    logs = Logs(memory_ports())
    await logs.handle(delivery(BODY, "sensor.pump-1.logs"))
    assert isinstance(logs.ports.device_logs, MemoryDeviceLogSink)
    assert [("pump-1", START, entry) for entry in ENTRIES] == logs.ports.device_logs.lines


async def test_lines_in_json_are_the_same_lines() -> None:
    logs = Logs(memory_ports())
    body = (
        b'{"entries": [{"time": 1, "level": "info", "message": "boot"},'
        b' {"level": "error", "message": "dry run", "attributes": {"rpm": "0"}}]}'
    )
    await logs.handle(delivery(body, "sensor.pump-1.logs.json"))
    assert isinstance(logs.ports.device_logs, MemoryDeviceLogSink)
    assert [("pump-1", START, entry) for entry in ENTRIES] == logs.ports.device_logs.lines


@pytest.mark.parametrize(
    ("body", "routing_key", "error"),
    [
        (b"\xff", "sensor.pump-1.logs", DecodeError),
        (BODY, "sensor.pump-2.logs", WrongSerialError),
        (BODY, "sensor.pump-1.logs.json", DecodeError),
        (BODY, "sensor.pump-1.logs.xml", UnknownEventError),
    ],
)
async def test_what_is_no_batch_of_this_device_is_refused(
    body: bytes, routing_key: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Logs(memory_ports()).handle(delivery(body, routing_key))
