"""How brokers keep commands for devices: until they come, until the time to live ends, or not."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import aio_pika
import aiomqtt
import pytest
from aio_pika.abc import AbstractChannel
from aiormq.exceptions import ChannelAccessRefused

from tests.integration.rabbitmq.publishing import channel_to, stream_length, take_one
from weir.errors import QueueFullError
from weir.model.names import CONTROL_STREAM, EXCHANGE, UNROUTABLE_QUEUE, commands_queue
from weir.ports import OutgoingMessage
from weir.rabbitmq.access import delete_device_user, put_device_user
from weir.rabbitmq.publisher import RabbitmqPublisher, open_publisher
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.mqtt]

#: As the documentation tells makers of devices that speak AMQP.
QUEUE_ARGUMENTS: dict[str, str | int] = {
    "x-queue-type": "quorum",
    "x-max-length": 1_000,
    "x-overflow": "reject-publish",
}


@dataclass(frozen=True)
class Device:
    """A device that the broker knows, Weir's side of the broker, and a look into its queues."""

    broker: Broker
    serial: str
    password: str
    channel: AbstractChannel
    publisher: RabbitmqPublisher

    @property
    def amqp_url(self) -> str:
        url = urlsplit(self.broker.amqp_url)
        login = f"{quote(self.serial)}:{quote(self.password)}"
        return url._replace(netloc=f"{login}@{url.netloc.rpartition('@')[2]}").geturl()

    @asynccontextmanager
    async def over_mqtt(self) -> AsyncIterator[aiomqtt.Client]:
        address = urlsplit(self.broker.mqtt_device_url)
        async with aiomqtt.Client(
            address.hostname or "",
            address.port or 1883,
            username=self.broker.mqtt_user(self.serial),
            password=self.password,
            identifier=self.serial,
            clean_session=False,
        ) as client:
            yield client

    async def send(self, body: bytes, expires_in_s: float = 60.0) -> None:
        key = f"sensor.{self.serial}.commands.ping"
        message = OutgoingMessage(key, body, "some-id", expires_in_s=expires_in_s)
        assert [None] == await self.publisher.publish([message])

    async def kept_count(self, queue_name: str) -> int:
        queue = await self.channel.declare_queue(queue_name, passive=True)
        return queue.declaration_result.message_count or 0


@pytest.fixture
async def device(any_broker: Broker) -> AsyncIterator[Device]:
    # A user is the whole server's, so its name must be this test's alone.
    serial = f"dev-{secrets.token_hex(6)}"
    password = secrets.token_urlsafe()
    await apply_topology(any_broker.amqp_url, 1)
    await put_device_user(any_broker.management_url, any_broker.vhost, serial, password)
    async with (
        channel_to(any_broker.amqp_url) as channel,
        open_publisher(any_broker.amqp_url, "publishes for a test") as publisher,
    ):
        yield Device(any_broker, serial, password, channel, publisher)
    await delete_device_user(any_broker.management_url, serial)


async def test_a_session_keeps_commands_until_their_time_to_live_ends(device: Device) -> None:
    session = f"mqtt-subscription-{device.serial}qos1"
    async with device.over_mqtt() as client:
        await client.subscribe(f"sensor/{device.serial}/commands/#", qos=1)
    await device.send(b"short", expires_in_s=0.2)
    await device.send(b"long")

    async def has_one() -> bool:
        return await device.kept_count(session) == 1

    await eventually(has_one)
    async with device.over_mqtt() as client:
        message = await anext(aiter(client.messages))

    assert b"long" == message.payload


async def test_what_has_expired_behind_another_is_not_delivered(device: Device) -> None:
    async with device.over_mqtt() as client:
        await client.subscribe(f"sensor/{device.serial}/commands/#", qos=1)
    # Queues look at their heads only: that this one is empty again tells that the time has passed.
    hourglass = await device.channel.declare_queue(
        commands_queue("hourglass"), durable=True, arguments={**QUEUE_ARGUMENTS}
    )
    await hourglass.bind(EXCHANGE, "sensor.hourglass.commands.#")
    await device.send(b"first")
    await device.send(b"short", expires_in_s=0.2)
    await device.send(b"last")
    await device.publisher.publish(
        [OutgoingMessage("sensor.hourglass.commands.ping", b"x", expires_in_s=0.3)]
    )

    async def has_run_out() -> bool:
        return await device.kept_count(commands_queue("hourglass")) == 0

    await eventually(has_run_out)
    async with device.over_mqtt() as client:
        messages = aiter(client.messages)
        received = [(await anext(messages)).payload for _ in range(2)]

    assert [b"first", b"last"] == received


async def test_a_device_that_speaks_amqp_has_a_queue_of_its_own(device: Device) -> None:
    name = commands_queue(device.serial)
    async with channel_to(device.amqp_url) as own:
        queue = await own.declare_queue(name, durable=True, arguments={**QUEUE_ARGUMENTS})
        await queue.bind(EXCHANGE, f"sensor.{device.serial}.commands.#")
    await device.send(b"short", expires_in_s=0.2)
    await device.send(b"long")

    async def has_one() -> bool:
        return await device.kept_count(name) == 1

    await eventually(has_one)
    async with channel_to(device.amqp_url) as own:
        message = await take_one(own, name)

    assert message is not None
    assert (b"long", "some-id") == (message.body, message.message_id)


@pytest.mark.parametrize("name", ["sensor.other.commands", "sensor.{serial}.commands.more", "x"])
async def test_a_device_declares_no_other_queue(device: Device, name: str) -> None:
    async with channel_to(device.amqp_url) as own:
        with pytest.raises(ChannelAccessRefused):
            await own.declare_queue(name.format(serial=device.serial), durable=True)


async def test_a_device_binds_its_queue_to_nothing_but_its_own_keys(device: Device) -> None:
    async with channel_to(device.amqp_url) as own:
        queue = await own.declare_queue(
            commands_queue(device.serial), durable=True, arguments={**QUEUE_ARGUMENTS}
        )
        with pytest.raises(ChannelAccessRefused):
            await queue.bind(EXCHANGE, "sensor.other.commands.#")


async def test_a_queue_that_is_full_refuses_and_the_others_take(device: Device) -> None:
    full = await device.channel.declare_queue(
        commands_queue("full-1"), durable=True, arguments={**QUEUE_ARGUMENTS, "x-max-length": 1}
    )
    await full.bind(EXCHANGE, "sensor.full-1.commands.#")
    message = OutgoingMessage("sensor.full-1.commands.ping", b"x", expires_in_s=60.0)
    other = OutgoingMessage("sensor.empty-1.commands.ping", b"x", expires_in_s=60.0)

    async def is_full() -> bool:
        first, second = await device.publisher.publish([message, other])
        assert second is None
        return isinstance(first, QueueFullError)

    # A quorum queue learns a moment later how long it is.
    await eventually(is_full)


async def test_a_command_for_a_device_that_never_came_is_no_mistake(device: Device) -> None:
    await device.send(b"early")

    async def is_in_the_stream() -> bool:
        return await stream_length(device.channel, CONTROL_STREAM) == 1

    await eventually(is_in_the_stream)
    assert await take_one(device.channel, UNROUTABLE_QUEUE) is None


async def test_times_to_live_of_a_month_are_taken(device: Device) -> None:
    queue = await device.channel.declare_queue(
        commands_queue(device.serial), durable=True, arguments={**QUEUE_ARGUMENTS}
    )
    await queue.bind(EXCHANGE, f"sensor.{device.serial}.commands.#")

    await device.send(b"x", expires_in_s=31 * 86_400.0)

    message = await take_one(device.channel, commands_queue(device.serial))
    assert isinstance(message, aio_pika.abc.AbstractIncomingMessage)
    assert 31 * 86_400.0 == message.expiration
