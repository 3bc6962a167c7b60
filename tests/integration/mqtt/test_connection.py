"""What a device receives, and what the broker says in its name, on real brokers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from tests.integration.mqtt.proxy import Link
from weir.clock import SystemClock
from weir.errors import BrokerUnavailableError, ConfigError
from weir.model.names import STATE_QUEUE, device_topic
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import (
    RECEIVED_COUNT_MAX,
    MqttConnection,
    MqttMessage,
    open_connection,
)
from weir.rabbitmq.access import delete_device_user, put_device_user
from weir.rabbitmq.queue_reader import open_queues
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

pytestmark = pytest.mark.mqtt

SERIAL = "pump-1"
COMMANDS = device_topic(SERIAL, "commands/+")
CONFIG = device_topic(SERIAL, "config")
WILL = MqttMessage(device_topic(SERIAL, "state"), b'{"online": false}')
TIMEOUT_S = 30.0


@asynccontextmanager
async def connected(url: str, serial: str = SERIAL) -> AsyncIterator[MqttConnection]:
    will = WILL if serial == SERIAL else None
    async with open_connection(MqttAddress.of_device(url, serial), will=will) as connection:
        yield connection


async def take(connection: MqttConnection, count: int) -> list[MqttMessage]:
    taken: list[MqttMessage] = []
    async with asyncio.timeout(TIMEOUT_S), aclosing(connection.receive()) as messages:
        while len(taken) < count:
            taken.append(await anext(messages))
    return taken


async def break_off(link: Link) -> None:
    async with connected(link.url) as device:
        link.cut()
        await device.watch()


async def overstep(address: MqttAddress) -> None:
    async with open_connection(address) as device:
        await device.subscribe(COMMANDS)
        await device.subscribe(device_topic("pump-2", "commands/+"))
        await device.watch()


async def test_what_comes_while_a_device_is_away_is_kept_for_it(any_broker: Broker) -> None:
    ping, config = device_topic(SERIAL, "commands/ping"), CONFIG
    async with connected(any_broker.mqtt_url, "server") as server:
        async with connected(any_broker.mqtt_url) as device:
            await device.subscribe(COMMANDS, CONFIG)
            await server.publish(ping, b"1")
            assert [MqttMessage(ping, b"1")] == await take(device, 1)
        await server.publish(ping, b"2")
        await server.publish(config, b"3")
        async with connected(any_broker.mqtt_url) as device:
            kept = await take(device, 2)
    assert [MqttMessage(ping, b"2"), MqttMessage(config, b"3")] == kept


async def test_the_last_will_is_said_when_the_link_breaks_and_only_then(
    any_broker: Broker, link: Link
) -> None:
    async with open_queues(any_broker.amqp_url, [STATE_QUEUE], SystemClock()) as queue:
        async with connected(link.url) as device:
            await device.publish(WILL.topic, b'{"online": true}')
        with pytest.raises(BrokerUnavailableError):
            await break_off(link)
        async with asyncio.timeout(TIMEOUT_S):
            bodies = []
            for _ in range(2):
                bodies.append((await queue.next()).body)
                await queue.ack()
    assert [b'{"online": true}', WILL.body] == bodies


async def test_more_than_may_wait_is_dropped(any_broker: Broker) -> None:
    ping = device_topic(SERIAL, "commands/ping")
    count = RECEIVED_COUNT_MAX + 20
    async with (
        connected(any_broker.mqtt_url, "server") as server,
        connected(any_broker.mqtt_url) as device,
    ):
        await device.subscribe(COMMANDS)
        for number in range(count):
            await server.publish(ping, str(number).encode())
        # A round trip of the device's own comes after what the broker has for it.
        await device.subscribe(CONFIG)
        messages = device.receive()
        await eventually(lambda: len(device._client.messages) == RECEIVED_COUNT_MAX)
        first = await anext(messages)
        await messages.aclose()
    assert b"0" == first.body


async def test_foreign_topics_are_refused(any_broker: Broker) -> None:
    await put_device_user(any_broker.management_url, any_broker.vhost, SERIAL, "secret")
    url = f"{any_broker.mqtt_device_url}/{any_broker.vhost}"
    try:
        # 3.10.8 hangs up, 4.3 says what it refuses.
        with pytest.raises((ConfigError, BrokerUnavailableError)):
            await overstep(MqttAddress.of_device(url, SERIAL, "secret"))
    finally:
        await delete_device_user(any_broker.management_url, SERIAL)
