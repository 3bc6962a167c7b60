"""A device on the broker's MQTT listener: its own keys are open to it, all others are not."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiomqtt
import pytest
from aio_pika.abc import AbstractChannel

from tests.integration.rabbitmq.publishing import channel_to, publish, take_one
from weir.errors import NotFoundError
from weir.model.names import EXCHANGE, REGISTRY_QUEUE, device_topic
from weir.rabbitmq.access import delete_device_user, put_device_user
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.mqtt]

#: Gets everything that is published into `iot`.
TAP = "tap"
#: SUBACK's return code for a refusal (MQTT 3.1.1, section 3.9.3).
REFUSED = 0x80
OTHER = "someone-else"


@dataclass(frozen=True)
class Device:
    """A device that the broker knows, and a tap on what it publishes."""

    broker: Broker
    serial: str
    password: str
    channel: AbstractChannel

    def client(
        self, *, identifier: str | None = None, will: aiomqtt.Will | None = None
    ) -> aiomqtt.Client:
        address = urlsplit(self.broker.mqtt_device_url)
        return aiomqtt.Client(
            address.hostname or "",
            address.port or 1883,
            username=self.broker.mqtt_user(self.serial),
            password=self.password,
            identifier=identifier or self.serial,
            clean_session=False,
            will=will,
        )

    async def published(self) -> list[str]:
        """Take the keys of what has arrived since the last time."""
        keys = []
        while message := await take_one(self.channel, TAP):
            keys.append(message.routing_key or "")
        return keys


@pytest.fixture
async def device(any_broker: Broker) -> AsyncIterator[Device]:
    # A user is the whole server's, so its name must be this test's alone.
    serial = f"dev-{secrets.token_hex(6)}"
    password = secrets.token_urlsafe()
    await apply_topology(any_broker.amqp_url, 1)
    await put_device_user(any_broker.management_url, any_broker.vhost, serial, password)
    async with channel_to(any_broker.amqp_url) as channel:
        tap = await channel.declare_queue(TAP, durable=True, arguments={"x-queue-type": "quorum"})
        await tap.bind(EXCHANGE, "#")
        yield Device(any_broker, serial, password, channel)
    await delete_device_user(any_broker.management_url, serial)


async def test_a_device_publishes_under_its_own_serial(device: Device) -> None:
    kinds = ("measurements", "measurements/json", "logs", "registry", "replies/sleep", "state")
    async with device.client() as client:
        for kind in kinds:
            await client.publish(f"sensor/{device.serial}/{kind}", b"x", qos=1)
    expected = [f"sensor.{device.serial}.{kind.replace('/', '.')}" for kind in kinds]
    assert expected == await device.published()
    assert await take_one(device.channel, REGISTRY_QUEUE)


@pytest.mark.parametrize(
    "topic",
    [
        f"sensor/{OTHER}/measurements",
        "sensor/{serial}x/measurements",
        "sensor/{serial}/commands/sleep",
        "sensor/{serial}/measurementsX",
        "journal/device/enrolled",
        "anything",
    ],
)
@pytest.mark.parametrize("qos", [0, 1])
async def test_publishing_anywhere_else_ends_the_connection(
    device: Device, topic: str, qos: int
) -> None:
    async with device.client() as client:
        await client.publish(f"sensor/{device.serial}/logs", b"before", qos=1)
        # It is the broker's refusal that ends it, not the client's patience for a PUBACK.
        with pytest.raises(aiomqtt.MqttError, match="Disconnected"):
            await _publish_and_listen(client, topic.format(serial=device.serial), qos)
    assert [f"sensor.{device.serial}.logs"] == await device.published()


async def test_a_device_receives_its_commands_also_those_that_it_missed(device: Device) -> None:
    topic = f"sensor/{device.serial}/commands/#"
    async with device.client() as client:
        await client.subscribe(topic, qos=1)
    await publish(device.channel, f"sensor.{device.serial}.commands.sleep", b"missed")
    async with device.client() as client:
        message = await anext(aiter(client.messages))
    assert (f"sensor/{device.serial}/commands/sleep", b"missed") == (
        message.topic.value,
        message.payload,
    )


@pytest.mark.parametrize(
    "topic_filter",
    ["#", "sensor/#", "sensor/+/commands/#", f"sensor/{OTHER}/commands/#", "sensor/{serial}/#"],
)
async def test_subscribing_to_anything_else_is_refused(device: Device, topic_filter: str) -> None:
    async with device.client() as client:
        assert await _is_refused(client, topic_filter.format(serial=device.serial))


async def test_the_client_id_of_another_opens_nothing(device: Device) -> None:
    async with device.client(identifier=OTHER) as client:
        assert await _is_refused(client, f"sensor/{OTHER}/commands/#")
    async with device.client(identifier=OTHER) as client:
        assert await _is_refused(client, f"sensor/{device.serial}/commands/#")


async def test_a_last_will_is_published_only_under_the_own_serial(device: Device) -> None:
    for serial in (OTHER, device.serial):
        will = aiomqtt.Will(device_topic(serial, "state"), b"gone", qos=1)
        with pytest.raises(aiomqtt.MqttError):
            await _vanish(device.client(will=will))
    arrived: list[str] = []

    async def has_arrived() -> bool:
        arrived.extend(await device.published())
        return bool(arrived)

    await eventually(has_arrived)
    assert [f"sensor.{device.serial}.state"] == arrived


async def test_a_new_password_replaces_the_old_one(device: Device) -> None:
    vhost = device.broker.vhost
    await put_device_user(device.broker.management_url, vhost, device.serial, "another")
    with pytest.raises(aiomqtt.MqttError):
        async with device.client():
            pass


async def test_a_deleted_device_is_shut_out(device: Device) -> None:
    management_url, vhost = device.broker.management_url, device.broker.vhost
    try:
        await delete_device_user(management_url, device.serial)
        with pytest.raises(aiomqtt.MqttError):
            async with device.client():
                pass
        with pytest.raises(NotFoundError):
            await delete_device_user(management_url, device.serial)
    finally:
        await put_device_user(management_url, vhost, device.serial, device.password)


async def _vanish(connecting: aiomqtt.Client) -> None:
    """Connect and lose the connection without a word."""
    async with connecting as client:
        connection = client._client.socket()
        assert isinstance(connection, socket.socket)
        connection.shutdown(socket.SHUT_RDWR)
        await anext(aiter(client.messages))


async def _publish_and_listen(client: aiomqtt.Client, topic: str, qos: int) -> None:
    # Not aiomqtt's publish, which would wait for a PUBACK that never comes.
    client._client.publish(topic, b"x", qos=qos)
    await anext(aiter(client.messages))


async def _is_refused(client: aiomqtt.Client, topic_filter: str) -> bool:
    """Subscribe: 4.3 answers with a refusal, 3.10.8 ends the connection without an answer."""
    subscribing = asyncio.ensure_future(client.subscribe(topic_filter, qos=1))
    ending = asyncio.ensure_future(anext(aiter(client.messages)))
    done, pending = await asyncio.wait([subscribing, ending], return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if ending in done:
        return isinstance(ending.exception(), aiomqtt.MqttError)
    return [REFUSED] == [getattr(answer, "value", answer) for answer in subscribing.result()]
