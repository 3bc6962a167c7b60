"""A device's rights: its own keys and queues, and none that merely look like them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.errors import WrongSerialError
from weir.model.names import PUBLISHED_KINDS, RECEIVED_KINDS
from weir.model.serial import SERIAL_PATTERN
from weir.rabbitmq.access import device_rights

RIGHTS = device_rights("pump-1")
serials = st.from_regex(SERIAL_PATTERN, fullmatch=True)


@pytest.mark.parametrize(
    "key",
    [
        *(f"sensor.pump-1.{kind}" for kind in PUBLISHED_KINDS),
        "sensor.pump-1.measurements.json",
        "sensor.pump-1.replies.change_sample_frequency",
    ],
)
def test_a_device_publishes_under_its_own_serial(key: str) -> None:
    assert re.search(RIGHTS.publish_keys, key)


@pytest.mark.parametrize(
    "key",
    [
        "sensor.pump-2.measurements",
        "sensor.pump-10.measurements",
        "sensor.xpump-1.measurements",
        "sensor.PUMP-1.measurements",
        "sensor.pump-1.measurementsX",
        "sensor.pump-1.commands.sleep",
        "sensor.pump-1.config",
        "sensor.pump-1",
        "xsensor.pump-1.logs",
        "sensorXpump-1.logs",
        "sensor.*.logs",
        "sensor.#",
        "journal.device.device_enrolled",
    ],
)
def test_a_device_publishes_nothing_else(key: str) -> None:
    assert not re.search(RIGHTS.publish_keys, key)


@pytest.mark.parametrize("kind", RECEIVED_KINDS)
def test_a_device_receives_what_is_meant_for_it(kind: str) -> None:
    assert re.search(RIGHTS.receive_keys, f"sensor.pump-1.{kind}")
    assert re.search(RIGHTS.receive_keys, f"sensor.pump-1.{kind}.#")


@pytest.mark.parametrize(
    "key",
    ["#", "sensor.#", "sensor.*.commands.#", "sensor.pump-2.commands.#", "sensor.pump-1.#"],
)
def test_a_device_receives_nothing_else(key: str) -> None:
    assert not re.search(RIGHTS.receive_keys, key)


@pytest.mark.parametrize(
    "resource",
    [
        "sensor.all.logs",
        "iot.measurements",
        "mqtt-subscription-pump-2qos1",
        "mqtt-subscription-pump-1qos2",
        "amq.default",
        "amq.topic",
    ],
)
def test_a_device_has_no_right_over_anything_shared(resource: str) -> None:
    for pattern in (RIGHTS.configure, RIGHTS.write, RIGHTS.read):
        assert not re.search(pattern, resource)


@given(mine=serials, other=serials)
def test_no_serial_opens_the_keys_of_another(mine: str, other: str) -> None:
    rights = device_rights(mine)
    assert (mine == other) == bool(re.search(rights.publish_keys, f"sensor.{other}.logs"))
    assert (mine == other) == bool(re.search(rights.configure, f"mqtt-subscription-{other}qos1"))


@pytest.mark.parametrize("serial", [".*", "", "a.b", "a|b", "-a", "a" * 64, "ä"])
def test_what_is_no_serial_gets_no_rights(serial: str) -> None:
    with pytest.raises(WrongSerialError):
        device_rights(serial)
