"""Messages of another broker as readings: which topics, which times, and what is not understood."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from producers.drivers import mqtt_bridge
from producers.drivers.mqtt_bridge import MqttBridge, MqttBridgeConfiguration, fits
from tests.contract.mqtt_device import mqtt_device
from weir.driver import Poll
from weir.errors import DeviceUnavailableError
from weir.testing.conditions import eventually

START_US = 1_795_248_000_000_000
SECOND_US = 1_000_000
POLL = Poll(START_US, START_US + 10 * SECOND_US)

Messages = Sequence[tuple[str, bytes]]


@asynccontextmanager
async def bridge(port: int, **settings: Any) -> AsyncIterator[MqttBridge]:
    document = {
        "url": f"mqtt://127.0.0.1:{port}",
        "wait_s": 20,
        "subscriptions": [{"topic": "#"}],
        **settings,
    }
    made = MqttBridge(MqttBridgeConfiguration.model_validate(document), random.Random(1))
    try:
        yield made
    finally:
        await made.close()


async def values(messages: Messages, **settings: Any) -> dict[str, Any]:
    """Poll until as many readings have come as there are messages."""
    found: dict[str, Any] = {}
    async with mqtt_device(messages) as port, bridge(port, **settings) as device:

        async def come() -> bool:
            for item in (await device.read(POLL)).readings:
                found.setdefault(item.name, []).extend(item.values)
            return sum(map(len, found.values())) >= len(messages)

        await eventually(come)
    return found


@pytest.mark.parametrize(
    ("topic_filter", "topic", "does"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/b/c", "a/b", False),
        ("a/+/c", "a/b/c", True),
        ("a/+", "a/b/c", False),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("+", "a", True),
    ],
)
def test_which_topics_a_filter_has(topic_filter: str, topic: str, does: bool) -> None:
    assert does is fits(topic_filter, topic)


async def test_the_topic_becomes_part_of_the_name_where_wished() -> None:
    subscriptions = [
        {"topic": "plug/+/power", "format": "text", "names": "topic"},
        {"topic": "meter", "fields": {"kwh": {"unit": "kW.h", "scale": 0.001}}},
    ]
    messages = [("plug/1/power", b" 17.5 "), ("plug/2/power", b"true"), ("meter", b'{"kwh": 5}')]
    expected = {"plug.1.power": [17.5], "plug.2.power": [True], "kwh": [0.005]}
    assert expected == await values(messages, subscriptions=subscriptions)


async def test_every_message_is_a_reading_of_its_own() -> None:
    messages = [("t", str(number).encode()) for number in range(50)]
    subscriptions = [{"topic": "t", "format": "text"}]
    found = await values(messages, subscriptions=subscriptions)
    assert {"value": list(range(50))} == found


async def test_of_one_poll_only_the_last_counts_where_wished() -> None:
    async with mqtt_device([("t", b"1")]) as port, bridge(port, times="poll") as device:
        await device.read(POLL)
        for number in (7, 8, 9):
            device._waiting.append(mqtt_bridge._Arrived("t", str(number).encode(), 0.0))
        (item,) = (await device.read(Poll(POLL.end_us, POLL.end_us + 5))).readings
        assert ([POLL.end_us + 5], [9]) == (item.observed_at_us, item.values)


async def test_what_is_not_understood_is_told_and_takes_nothing_with_it() -> None:
    async with mqtt_device([("t", b"1")]) as port, bridge(port) as device:
        await device.read(POLL)
        for body in (b"{", b"\xff", b"x" * (mqtt_bridge.MESSAGE_BYTES_MAX + 1), b"2"):
            device._waiting.append(mqtt_bridge._Arrived("t", body, 0.0))
        answer = await device.read(POLL)
    assert [[2]] == [item.values for item in answer.readings]
    assert ["message_refused"] * 3 == [event.type for event in answer.events]
    assert "t: not JSON" in answer.events[0].data
    assert "65537 bytes" in answer.events[2].data


async def test_a_flood_is_cut_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_bridge, "MESSAGE_COUNT_MAX", 3)
    monkeypatch.setattr(mqtt_bridge, "REFUSED_EVENT_COUNT_MAX", 1)
    messages = [("t", b"{")] * 40
    async with mqtt_device(messages) as port, bridge(port) as device:
        await device.read(POLL)
        await eventually(lambda: device._dropped_count + len(device._waiting) >= 30)
        answer = await device.read(POLL)
    kinds = [event.type for event in answer.events]
    assert ["message_refused", "messages_refused", "messages_dropped"] == kinds


async def test_a_broker_that_is_not_there_is_told_at_each_poll() -> None:
    async with bridge(1) as device:
        for _ in range(2):
            with pytest.raises(DeviceUnavailableError, match="MQTT"):
                await device.read(POLL)


async def test_a_broker_that_goes_away_is_told_once_all_is_read_and_found_again() -> None:
    async with AsyncExitStack() as stack:
        async with mqtt_device([("t", b"1")]) as port:
            device = await stack.enter_async_context(bridge(port))
            assert (await device.read(POLL)).readings
        listening = device._listening
        assert listening is not None
        await eventually(listening.done)
        with pytest.raises(DeviceUnavailableError):
            await device.read(POLL)
        async with mqtt_device([("t", b"2")], port):
            assert (await device.read(POLL)).readings
