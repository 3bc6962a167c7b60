"""The device publisher against real brokers, over links that break."""

import asyncio
from functools import partial

import pytest
from structlog.testing import capture_logs

from tests.integration.mqtt.proxy import Link
from weir.clock import SystemClock
from weir.errors import BrokerUnavailableError, ConfigError, OversizeError
from weir.model.limits import MESSAGE_BYTES_MAX
from weir.model.names import REGISTRY_QUEUE
from weir.mqtt.address import MqttAddress
from weir.rabbitmq.queue_reader import open_queues
from weir.runtime.publisher import (
    CLOSE_PATIENCE_S,
    WINDOW_BYTES_MAX,
    WINDOW_COUNT_MAX,
    DevicePublisher,
)
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

pytestmark = pytest.mark.mqtt

SERIAL = "pump-1"
PATIENCE_S = 15.0


def publisher(url: str, patience_s: float | None = PATIENCE_S) -> DevicePublisher:
    return DevicePublisher(MqttAddress.of_device(url, SERIAL), patience_s=patience_s)


async def take_until(broker: Broker, last: bytes) -> list[bytes]:
    """Take announcements of the device up to one; an earlier one may come twice."""
    bodies: list[bytes] = []
    async with (
        asyncio.timeout(30),
        open_queues(broker.amqp_url, [REGISTRY_QUEUE], SystemClock()) as q,
    ):
        while last not in bodies:
            delivery = await q.next()
            assert delivery.routing_key == f"sensor.{SERIAL}.registry"
            bodies.append(delivery.body)
            await q.ack()
    return bodies


def numbered(count: int) -> list[bytes]:
    return [str(number).encode() for number in range(count)]


async def test_messages_arrive_in_order_under_the_serial(any_broker: Broker) -> None:
    acknowledged: list[bytes] = []
    async with publisher(any_broker.mqtt_url) as device:
        for body in numbered(300):
            await device.publish("registry", body, partial(acknowledged.append, body))
        await device.flush()
        assert 0 == device.unacknowledged_count
    assert numbered(300) == acknowledged
    assert numbered(300) == await take_until(any_broker, b"299")


async def test_leaving_the_block_drains(any_broker: Broker) -> None:
    async with publisher(any_broker.mqtt_url) as device:
        for body in numbered(WINDOW_COUNT_MAX):
            await device.publish("registry", body)
    assert numbered(WINDOW_COUNT_MAX) == await take_until(any_broker, b"99")


async def test_a_wrong_password_is_a_config_error(any_broker: Broker) -> None:
    url = any_broker.mqtt_device_url
    address = MqttAddress.of_device(f"{url}/{any_broker.vhost}", SERIAL, "wrong")
    with pytest.raises(ConfigError, match=rf"refused MQTT user '{any_broker.vhost}:{SERIAL}'"):
        async with DevicePublisher(address):
            pytest.fail("connected with a wrong password")


async def test_an_absent_broker_is_waited_for_as_long_as_patience_lasts(link: Link) -> None:
    await link.take_down()
    with pytest.raises(BrokerUnavailableError, match=r"no MQTT connection to .* within 0\.5 s"):
        async with publisher(link.url, patience_s=0.5):
            pytest.fail("connected to nobody")
    with capture_logs() as logs:
        entering = asyncio.create_task(publisher(link.url, patience_s=None).__aenter__())
        await eventually(lambda: logs)
        await link.bring_up()
        device = await entering
    await device.publish("registry", b"late")
    await device.__aexit__(None, None, None)


async def test_nothing_is_lost_or_reordered_over_a_link_that_breaks(
    any_broker: Broker, link: Link
) -> None:
    count = 1_000
    with capture_logs() as logs:
        async with publisher(link.url) as device:
            for number, body in enumerate(numbered(count)):
                if number % 250 == 200:
                    link.cut()
                await device.publish("registry", body)
            await device.flush()
    bodies = await take_until(any_broker, str(count - 1).encode())
    assert numbered(count) == list(dict.fromkeys(bodies))
    assert link.connection_count > 4
    events = [entry["event"] for entry in logs]
    assert events.count("dependency_lost") == events.count("dependency_recovered") >= 1


async def test_a_loss_is_said_once_and_the_recovery_once(link: Link) -> None:
    with capture_logs() as logs:
        async with publisher(link.url) as device:
            await link.take_down()
            await device.publish("registry", b"1")
            await eventually(lambda: logs)
            await link.bring_up()
            await device.flush()
    assert ["dependency_lost", "dependency_recovered"] == [entry["event"] for entry in logs]


async def test_a_full_window_makes_the_device_wait(any_broker: Broker, link: Link) -> None:
    async with publisher(link.url) as device:
        link.hold()
        for body in numbered(WINDOW_COUNT_MAX):
            await device.publish("registry", body)
        waiting = asyncio.create_task(device.publish("registry", b"last"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.2)
        assert WINDOW_COUNT_MAX == device.unacknowledged_count
        link.release()
        await waiting
    assert [*numbered(WINDOW_COUNT_MAX), b"last"] == await take_until(any_broker, b"last")


async def test_the_window_is_bounded_in_bytes(link: Link) -> None:
    body = bytes(MESSAGE_BYTES_MAX)
    fitting = WINDOW_BYTES_MAX // MESSAGE_BYTES_MAX
    async with publisher(link.url, patience_s=0.3) as device:
        link.hold()
        for _ in range(fitting):
            await device.publish("events", body)
        with pytest.raises(BrokerUnavailableError, match=f"{fitting} messages are left"):
            await device.publish("events", body)
        link.release()


async def test_a_message_that_nobody_would_accept_is_not_sent(any_broker: Broker) -> None:
    async with publisher(any_broker.mqtt_url) as device:
        with pytest.raises(OversizeError):
            await device.publish("registry", bytes(MESSAGE_BYTES_MAX + 1))


async def test_an_error_leaves_the_block_at_once(link: Link) -> None:
    async def fail() -> None:
        async with publisher(link.url) as device:
            link.hold()
            await device.publish("registry", b"never")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(fail(), CLOSE_PATIENCE_S)
