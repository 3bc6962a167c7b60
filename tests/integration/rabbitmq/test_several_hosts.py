"""Addresses with several hosts: what is away is passed over, by every protocol."""

from urllib.parse import urlsplit

import pytest

from weir.errors import BrokerUnavailableError
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import open_connection as open_mqtt
from weir.rabbitmq.connection import open_connection
from weir.rabbitmq.management import open_management
from weir.rabbitmq.stream_ends import end_offset
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker

pytestmark = pytest.mark.rabbitmq

#: Nobody listens there.
AWAY = "127.0.0.1:1"


def behind(url: str) -> str:
    """Put a host that is away before the one that the address names."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{login}{at}{AWAY},{host}").geturl()


async def test_a_host_that_is_away_is_passed_over(any_broker: Broker) -> None:
    await apply_topology(behind(any_broker.amqp_url), 1)
    stream = "sensor.all.measurements.db_writer.0"
    assert 0 == await end_offset(behind(any_broker.stream_url), stream)
    async with open_mqtt(MqttAddress.of_device(behind(any_broker.mqtt_url), "pump-1")) as link:
        await link.publish("sensor/pump-1/measurements", b"x")
    assert 1 == await end_offset(behind(any_broker.stream_url), stream)
    async with open_management(behind(any_broker.management_url)) as management:
        assert await management.date()


async def test_when_all_are_away_each_is_named() -> None:
    with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1.* 1\b.*; .*127\.0\.0\.1.* 2"):
        async with open_connection("amqp://127.0.0.1:1,127.0.0.1:2/", "test"):
            pass
    with pytest.raises(BrokerUnavailableError, match=r"127\.0\.0\.1:1: .*; .*127\.0\.0\.1:2: "):
        await end_offset("rabbitmq-stream://u:p@127.0.0.1:1,127.0.0.1:2/", "journal.all")
