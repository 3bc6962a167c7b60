"""Reading queues: in order, with care after a restart, and giving back what was not settled."""

import secrets

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from tests.integration.rabbitmq.publishing import channel_to, publish
from weir.clock import SystemClock
from weir.consumer import Delivery
from weir.errors import BrokerUnavailableError, ConfigError
from weir.model.names import EXCHANGE, REGISTRY_QUEUE, UNROUTABLE_QUEUE
from weir.ports import OutgoingMessage
from weir.rabbitmq.access import delete_device_user, put_device_user
from weir.rabbitmq.publisher import open_publisher
from weir.rabbitmq.queue_reader import PREFETCH_COUNT, QueueReader, open_queues
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually
from weir.tracing import parse_traceparent, trace_of

pytestmark = pytest.mark.rabbitmq

KEY = "sensor.pump-1.registry"


async def take(reader: QueueReader, count: int) -> list[Delivery]:
    """Take and acknowledge deliveries."""
    deliveries = []
    for _ in range(count):
        deliveries.append(await reader.next())
        await reader.ack()
    return deliveries


async def return_all(channel: AbstractChannel, count: int) -> None:
    """Let every message be handed out once in vain."""
    queue = await channel.get_queue(REGISTRY_QUEUE)
    messages = [await queue.get() for _ in range(count)]
    for message in messages:
        await message.reject(requeue=True)


async def test_a_fresh_queue_is_read_ahead_but_not_without_bound(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    async with channel_to(any_broker.amqp_url) as channel:
        for number in range(PREFETCH_COUNT + 20):
            await publish(channel, KEY, str(number).encode())
        async with open_queues(any_broker.amqp_url, [REGISTRY_QUEUE], SystemClock()) as reader:
            await reader.next()
            # One is in hand; the broker hands out as many again, for it is a new consumer.
            await eventually(lambda: reader._arrived.qsize() == PREFETCH_COUNT)


async def test_what_was_handed_out_before_comes_one_at_a_time(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    async with channel_to(any_broker.amqp_url) as channel:
        for body in (b"1", b"2", b"3"):
            await publish(channel, KEY, body)
        await return_all(channel, 3)
        for body in (b"4", b"5", b"6"):
            await publish(channel, KEY, body)
        async with open_queues(any_broker.amqp_url, [REGISTRY_QUEUE], SystemClock()) as reader:
            for body in (b"1", b"2", b"3"):
                delivery = await reader.next()
                assert (body, 2) == (delivery.body, delivery.delivery_count)
                assert reader._arrived.empty()
                await reader.ack()
            assert [(b"4", 1), (b"5", 1), (b"6", 1)] == [
                (item.body, item.delivery_count) for item in await take(reader, 3)
            ]


async def test_what_is_not_acknowledged_is_given_back_in_order(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    async with channel_to(any_broker.amqp_url) as channel:
        for body in (b"1", b"2", b"3", b"4"):
            await publish(channel, KEY, body)
        async with open_queues(any_broker.amqp_url, [REGISTRY_QUEUE], SystemClock()) as reader:
            await take(reader, 1)
            await reader.next()
        async with open_queues(any_broker.amqp_url, [REGISTRY_QUEUE], SystemClock()) as reader:
            assert [b"2", b"3", b"4"] == [item.body for item in await take(reader, 3)]


async def test_a_delivery_says_where_it_comes_from(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    queues = [REGISTRY_QUEUE, UNROUTABLE_QUEUE]
    async with channel_to(any_broker.amqp_url) as channel:
        exchange = await channel.get_exchange(EXCHANGE)
        message = aio_pika.Message(b"\x00\xff", headers={"bytes": bytearray(b"\x00")})
        for kind in ("nothing", "registry"):
            await exchange.publish(message, f"sensor.pump-1.{kind}")
        async with open_queues(any_broker.amqp_url, queues, SystemClock()) as reader:
            deliveries = await take(reader, 2)
    assert {
        (UNROUTABLE_QUEUE, EXCHANGE, "sensor.pump-1.nothing", b"\x00\xff"),
        (REGISTRY_QUEUE, EXCHANGE, "sensor.pump-1.registry", b"\x00\xff"),
    } == {(item.queue, item.exchange, item.routing_key, item.body) for item in deliveries}
    assert {"base64": "AA=="} == deliveries[0].headers["bytes"]


async def test_a_queue_that_is_not_there_is_an_outage(any_broker: Broker) -> None:
    with pytest.raises(BrokerUnavailableError, match="NOT_FOUND"):
        async with open_queues(any_broker.amqp_url, [REGISTRY_QUEUE], SystemClock()):
            pass


async def test_a_queue_that_we_may_not_read_is_a_matter_of_settings(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    serial = f"dev-{secrets.token_hex(6)}"
    await put_device_user(any_broker.management_url, any_broker.vhost, serial, "secret")
    url = any_broker.amqp_url.partition("@")[2]
    try:
        with pytest.raises(ConfigError, match="ACCESS_REFUSED"):
            async with open_queues(
                f"amqp://{serial}:secret@{url}", [REGISTRY_QUEUE], SystemClock()
            ):
                pass
    finally:
        await delete_device_user(any_broker.management_url, serial)


async def test_what_goes_together_is_told_with_the_message(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    messages = [
        OutgoingMessage(KEY, b"1", correlation_id="request-1"),
        OutgoingMessage(KEY, b"2", correlation_id="request-1", headers={"x-mine": "2"}),
        OutgoingMessage(KEY, b"3"),
    ]
    async with open_publisher(any_broker.amqp_url, "tests") as publisher:
        assert [None] * 3 == await publisher.publish(messages)
    async with open_queues(any_broker.amqp_url, [REGISTRY_QUEUE], SystemClock()) as reader:
        first, second, third = await take(reader, 3)

    trace_id = trace_of("request-1").trace_id
    parents = [parse_traceparent(each.headers.get("traceparent")) for each in (first, second)]
    assert [trace_id] * 2 == [parent.trace_id for parent in parents if parent]
    assert "2" == second.headers["x-mine"]
    assert "traceparent" not in third.headers
