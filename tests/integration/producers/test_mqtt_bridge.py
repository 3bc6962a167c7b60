"""The bridge on a real broker: what is published arrives, also what came while it was away."""

import random

import aio_pika
import pytest

from producers.drivers.mqtt_bridge import MqttBridge, MqttBridgeConfiguration
from tests.integration.producers.conftest import Site
from weir.driver import Poll
from weir.model.names import EXCHANGE
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.mqtt, pytest.mark.rabbitmq]

POLL = Poll(1_795_248_000_000_000, 1_795_248_001_000_000)


async def test_what_is_published_arrives_also_what_came_while_it_was_away(site: Site) -> None:
    await site.admit(["bridge-1"])
    url = site.device_url.removesuffix(f"/{site.broker.vhost}")
    configuration = MqttBridgeConfiguration.model_validate(
        {
            "url": url,
            "client_id": "bridge-1",
            "username": f"{site.broker.vhost}:bridge-1",
            "password": site.credentials["bridge-1"],
            "subscriptions": [{"topic": "sensor/bridge-1/commands/#"}],
        }
    )
    seen: list[object] = []

    async def arrived(driver: MqttBridge, count: int) -> bool:
        for item in (await driver.read(POLL)).readings:
            seen.extend(item.values)
        return len(seen) == count

    first = MqttBridge(configuration, random.Random(1))
    await first.read(POLL)
    await publish(site, 1)
    await eventually(lambda: arrived(first, 1))
    await first.close()
    await publish(site, 2)
    second = MqttBridge(configuration, random.Random(1))
    await eventually(lambda: arrived(second, 2))
    await second.close()
    assert [1, 2] == seen


async def publish(site: Site, value: int) -> None:
    connection = await aio_pika.connect(site.broker.amqp_url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE)
        message = aio_pika.Message(b'{"level": %d}' % value, delivery_mode=2)
        await exchange.publish(message, "sensor.bridge-1.commands.test")
