"""The topology on real brokers: declared by many at once, extended, and routing as drawn."""

import asyncio
from collections.abc import Sequence

import pytest
from aio_pika.abc import AbstractChannel

from tests.integration.rabbitmq.publishing import channel_to, publish, stream_length, take_one
from weir.clock import SystemClock
from weir.errors import BrokerUnavailableError, ConfigError, NotFoundError
from weir.model.names import (
    DEAD_LETTER_QUEUE,
    LOGS_STREAM,
    MEASUREMENTS_EXCHANGE,
    REGISTRY_QUEUE,
    REPLIES_QUEUE,
    STATE_QUEUE,
    UNROUTABLE_QUEUE,
    partition_streams,
)
from weir.rabbitmq.drift import Kind, check_topology
from weir.rabbitmq.headers import plain_headers
from weir.rabbitmq.queue_reader import open_queues
from weir.rabbitmq.stream_reader import open_stream
from weir.rabbitmq.topology import DELIVERY_COUNT_MAX, apply_topology, topology
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

pytestmark = pytest.mark.rabbitmq


async def test_several_processes_may_declare_everything_at_once(any_broker: Broker) -> None:
    results = await asyncio.gather(*(apply_topology(any_broker.amqp_url, 2) for _ in range(4)))
    wanted = topology(2)
    names = {queue.name for queue in wanted.queues} | {item.name for item in wanted.exchanges}
    assert [names] * 4 == [set(result) for result in results]


async def test_partitions_may_be_added_but_not_taken_away(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    await apply_topology(any_broker.amqp_url, 3)
    with pytest.raises(ConfigError, match=r"WEIR_PARTITION_COUNT is 2.*db_writer\.2"):
        await apply_topology(any_broker.amqp_url, 2)


async def test_a_queue_with_other_arguments_is_named_with_its_argument(any_broker: Broker) -> None:
    async with channel_to(any_broker.amqp_url) as channel:
        await channel.declare_queue(
            REGISTRY_QUEUE,
            durable=True,
            arguments={"x-queue-type": "quorum", "x-delivery-limit": 3},
        )
    with pytest.raises(ConfigError, match=rf"queue {REGISTRY_QUEUE} is there with x-\S+ .*, not "):
        await apply_topology(any_broker.amqp_url, 1)


@pytest.mark.parametrize(
    ("routing_key", "queue"),
    [
        ("sensor.pump-1.registry", REGISTRY_QUEUE),
        ("sensor.pump-1.replies.sleep", REPLIES_QUEUE),
        ("sensor.pump-1.state", STATE_QUEUE),
        ("sensor.pump-1.replied.sleep", UNROUTABLE_QUEUE),
        ("sensor.pump.1.registry", UNROUTABLE_QUEUE),
        ("anything", UNROUTABLE_QUEUE),
    ],
)
async def test_a_key_arrives_in_its_queue(any_broker: Broker, routing_key: str, queue: str) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    async with channel_to(any_broker.amqp_url) as channel:
        await publish(channel, routing_key, b"\x00body")
        message = await take_one(channel, queue)
    assert message is not None
    assert (routing_key, b"\x00body") == (message.routing_key, message.body)


async def test_log_lines_have_a_stream_that_never_refuses_them(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    async with channel_to(any_broker.amqp_url) as channel:
        for routing_key in ("sensor.pump-1.logs", "sensor.pump-1.logs.json"):
            await publish(channel, routing_key)
        assert [2] == await eventually(lambda: _lengths(channel, [LOGS_STREAM], 2))


async def test_the_readings_of_a_device_stay_in_one_partition(any_broker: Broker) -> None:
    streams = partition_streams(3)
    await apply_topology(any_broker.amqp_url, 3)
    async with channel_to(any_broker.amqp_url) as channel:
        for _ in range(5):
            await publish(channel, "sensor.pump-1.measurements")
        lengths = await eventually(lambda: _lengths(channel, streams, 5))
        assert [0, 0, 5] == sorted(lengths)
        for number in range(60):
            await publish(channel, f"sensor.pump-{number}.measurements")
        assert min(await eventually(lambda: _lengths(channel, streams, 65))) > 0


async def test_all_telemetry_goes_to_the_stream(any_broker: Broker) -> None:
    (stream,) = partition_streams(1)
    kinds = ("measurements", "measurements.json", "events", "events.json", "locations.json")
    await apply_topology(any_broker.amqp_url, 1)
    async with channel_to(any_broker.amqp_url) as channel:
        for kind in kinds:
            await publish(channel, f"sensor.pump-1.{kind}")
        await eventually(lambda: _lengths(channel, [stream], len(kinds)))


async def test_readings_without_a_stream_are_kept_as_unroutable(any_broker: Broker) -> None:
    (stream,) = partition_streams(1)
    await apply_topology(any_broker.amqp_url, 1)
    async with channel_to(any_broker.amqp_url) as channel:
        queue = await channel.get_queue(stream)
        await queue.unbind(MEASUREMENTS_EXCHANGE, "1")
        await publish(channel, "sensor.pump-1.measurements", b"kept")
        message = await take_one(channel, UNROUTABLE_QUEUE)
    assert message is not None
    assert b"kept" == message.body


async def test_a_message_that_comes_back_too_often_is_set_aside(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    async with channel_to(any_broker.amqp_url) as channel:
        await publish(channel, "sensor.pump-1.registry", b"poison")
        queue = await channel.get_queue(REGISTRY_QUEUE)
        for _ in range(DELIVERY_COUNT_MAX + 1):
            message = await eventually(lambda: queue.get(fail=False))
            assert message is not None
            await message.reject(requeue=True)
        dead = await eventually(lambda: take_one(channel, DEAD_LETTER_QUEUE))
    assert dead is not None
    assert (b"poison", "sensor.pump-1.registry") == (dead.body, dead.routing_key)
    assert "delivery_limit" == plain_headers(dead.headers)["x-death"][0]["reason"]


async def test_what_is_wrong_with_the_address_decides_whether_to_retry(any_broker: Broker) -> None:
    host = any_broker.amqp_url.rpartition("@")[2]
    with pytest.raises(ConfigError, match="user or password"):
        await apply_topology(f"amqp://guest:wrong@{host}", 1)
    with pytest.raises(BrokerUnavailableError, match="virtual host"):
        await apply_topology(any_broker.amqp_url + "-nowhere", 1)
    with pytest.raises(BrokerUnavailableError):
        await apply_topology("amqp://weir:weir@127.0.0.1:1/", 1)
    with pytest.raises(ConfigError, match="not an address"):
        await apply_topology("amqp:nowhere", 1)


async def _lengths(channel: AbstractChannel, streams: Sequence[str], total: int) -> list[int]:
    lengths = [await stream_length(channel, stream) for stream in streams]
    # The broker counts with delay.
    assert total == sum(lengths)
    return lengths


async def test_the_check_finds_what_is_there_and_what_is_not(any_broker: Broker) -> None:
    missing = await check_topology(any_broker.management_url, 2)
    assert {Kind.MISSING, Kind.UNBOUND} == {finding.kind for finding in missing}

    await apply_topology(any_broker.amqp_url, 2)
    findings = await check_topology(any_broker.management_url, 2)
    assert [] == [finding for finding in findings if finding.is_problem]

    beyond = await check_topology(any_broker.management_url, 1)
    assert [Kind.UNEXPECTED] == [finding.kind for finding in beyond if finding.is_problem]


async def test_the_check_sees_who_reads_what(any_broker: Broker) -> None:
    await apply_topology(any_broker.amqp_url, 1)
    (stream,) = partition_streams(1)
    clock = SystemClock()

    async def unread() -> bool:
        findings = await check_topology(any_broker.management_url, 1)
        assert {Kind.UNREAD} == {finding.kind for finding in findings}
        names = {finding.name for finding in findings}
        unread = {LOGS_STREAM, REPLIES_QUEUE, STATE_QUEUE, UNROUTABLE_QUEUE, DEAD_LETTER_QUEUE}
        return unread == names

    async with (
        open_queues(any_broker.amqp_url, [REGISTRY_QUEUE], clock),
        open_stream(any_broker.stream_url, stream, 0),
    ):
        await eventually(unread)


async def test_the_check_tells_why_it_cannot_look(any_broker: Broker) -> None:
    with pytest.raises(NotFoundError):
        await check_topology(any_broker.management_url + "-nowhere", 1)
    host = any_broker.management_url.rpartition("@")[2]
    with pytest.raises(ConfigError, match="WEIR_MANAGEMENT_URL"):
        await check_topology(f"http://guest:wrong@{host}", 1)
    with pytest.raises(BrokerUnavailableError):
        await check_topology("http://guest:guest@127.0.0.1:1/", 1)
