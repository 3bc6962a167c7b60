"""Enrolment from announcements."""

import pytest

from consumers.registry import Registry
from tests.unit.consumers.deliveries import delivery
from weir.codec.registry import encode_announcement
from weir.errors import DecodeError, UnknownEventError, WrongSerialError
from weir.model.announcement import Announcement, FieldDescription
from weir.testing.memory import MemoryDeviceStore, memory_ports

ANNOUNCEMENT = Announcement("pump-1", "P100", "1.2.3", (FieldDescription("pressure", "bar"),))
BODY = encode_announcement(ANNOUNCEMENT)


async def test_an_announcement_handled_twice_leaves_one_device() -> None:
    registry = Registry(memory_ports())
    for _ in range(2):
        await registry.handle(delivery(BODY, "sensor.pump-1.registry"))
    assert isinstance(registry.ports.devices, MemoryDeviceStore)
    assert {"pump-1": ANNOUNCEMENT} == registry.ports.devices.devices


async def test_an_announcement_in_json_is_the_same_announcement() -> None:
    registry = Registry(memory_ports())
    body = (
        b'{"model": "P100", "firmware": "1.2.3", "fields": [{"name": "pressure", "unit": "bar"}]}'
    )
    await registry.handle(delivery(body, "sensor.pump-1.registry.json"))
    assert isinstance(registry.ports.devices, MemoryDeviceStore)
    assert {"pump-1": ANNOUNCEMENT} == registry.ports.devices.devices


@pytest.mark.parametrize(
    ("body", "routing_key", "error"),
    [
        (b"\xff", "sensor.pump-1.registry", DecodeError),
        (BODY, "sensor.pump-2.registry", WrongSerialError),
        (BODY, "sensor.-.registry", WrongSerialError),
        (BODY, "sensor.pump-1.registry.json", DecodeError),
        (BODY, "sensor.pump-1.registry.xml", UnknownEventError),
        (BODY, "sensor.pump-1.registry.", UnknownEventError),
    ],
)
async def test_what_is_not_an_announcement_of_this_device_is_refused(
    body: bytes, routing_key: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await Registry(memory_ports()).handle(delivery(body, routing_key))
