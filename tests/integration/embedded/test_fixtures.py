"""The servers that all other integration tests stand on."""

import secrets
from urllib.parse import urlsplit

import aio_pika
import aiomqtt
import asyncpg
import pytest

from weir.testing.addresses import Broker, BrokerAddress, open_vhost


@pytest.mark.rabbitmq
async def test_a_broker_takes_what_is_published_over_mqtt_into_its_own_vhost(
    broker: Broker,
) -> None:
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange("iot", aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue("sensor.all.logs", exclusive=True)
        await queue.bind(exchange, "sensor.*.logs")
        login = urlsplit(broker.mqtt_device_url)
        async with aiomqtt.Client(
            str(login.hostname),
            login.port or 0,
            username=broker.mqtt_user(mqtt_user_of(broker)),
            password=urlsplit(broker.mqtt_url).password,
            identifier="sim-001",
        ) as device:
            await device.publish("sensor/sim-001/logs", b"hello", qos=1)
        message = await queue.get(timeout=5, no_ack=True)
    assert message is not None
    assert message.routing_key == "sensor.sim-001.logs"
    assert message.body == b"hello"


@pytest.mark.rabbitmq
def test_what_a_test_leaves_in_its_vhost_is_gone(broker_address: BrokerAddress) -> None:
    name = f"test-{secrets.token_hex(6)}"
    for _ in range(2):
        with open_vhost(broker_address, name) as broker:
            assert broker.vhost == name


@pytest.mark.postgres
async def test_a_database_is_empty_and_ours(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute("CREATE TABLE scratch (id int)")
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert [row["tablename"] for row in tables] == ["scratch"]


@pytest.mark.postgres
async def test_a_migrated_database_has_the_migrations_applied(migrated_database_url: str) -> None:
    connection = await asyncpg.connect(migrated_database_url)
    applied = await connection.fetchval("SELECT count(*) FROM migration")
    await connection.close()
    assert applied >= 1


def mqtt_user_of(broker: Broker) -> str:
    return str(urlsplit(broker.amqp_url).username)
