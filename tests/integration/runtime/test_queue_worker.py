"""A queue worker between a real broker and a real database, with everything that can go wrong."""

import asyncio
import json
from contextlib import suppress

import asyncpg
import pytest

from consumers.dead_letters import DeadLetters
from consumers.registry import Registry
from tests.integration.runtime.queue_line import KEY, QueueLine
from weir.codec.registry import encode_announcement
from weir.consumer import Delivery
from weir.errors import StoreUnavailableError
from weir.model.announcement import Announcement, FieldDescription
from weir.model.names import REGISTRY_QUEUE
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]


async def test_deliveries_are_handled_once_each_and_in_order(queue_line: QueueLine) -> None:
    bodies = [str(number).encode() for number in range(300)]
    await queue_line.publish(*bodies)
    async with queue_line.worker() as consumer:
        await eventually(lambda: len(consumer.seen) == 300)
    assert bodies == consumer.bodies
    assert {1} == {delivery.delivery_count for delivery in consumer.seen}
    assert {(REGISTRY_QUEUE, "iot", KEY)} == {
        (delivery.queue, delivery.exchange, delivery.routing_key) for delivery in consumer.seen
    }


async def test_an_announced_device_is_in_the_registry(queue_line: QueueLine) -> None:
    announcement = Announcement("pump-1", "P100", "1.2.3", (FieldDescription("pressure", "bar"),))
    await queue_line.publish(encode_announcement(announcement))
    async with queue_line.running(Registry(queue_line.ports)):
        model = await eventually(lambda: queue_line.pool.fetchval("SELECT model FROM device"))
    assert "P100" == model


async def test_rubbish_is_kept_byte_for_byte_and_does_not_block(queue_line: QueueLine) -> None:
    good = encode_announcement(Announcement("pump-1", "P100", "1", ()))
    await queue_line.publish(b"\xff\x00rubbish", encode_announcement(Announcement("x", "", "", ())))
    await queue_line.publish(good)
    async with queue_line.running(Registry(queue_line.ports)):
        await eventually(lambda: queue_line.pool.fetchval("SELECT model FROM device"))
    letters = await queue_line.letters()
    assert ["undecodable", "wrong_serial"] == [letter["reason"] for letter in letters]
    first = letters[0]
    assert (b"\xff\x00rubbish", 1) == (first["body"], first["attempts"])
    assert ("registry", REGISTRY_QUEUE) == (first["consumer"], first["source"])
    assert ("undecodable", "iot", KEY, "pump-1") == _summary(first)


async def test_what_the_database_refuses_for_a_while_is_tried_again_in_order(
    queue_line: QueueLine,
) -> None:
    failures = iter([StoreUnavailableError("away"), StoreUnavailableError("still away")])

    async def handle(_: Delivery) -> None:
        for failure in failures:
            raise failure

    await queue_line.publish(b"1", b"2", b"3")
    async with queue_line.worker(handle) as consumer:
        await eventually(lambda: len(consumer.seen) == 5)
    assert [b"1", b"1", b"1", b"2", b"3"] == consumer.bodies
    assert [] == await queue_line.letters()


async def test_a_cut_connection_is_restored_and_nothing_is_lost(queue_line: QueueLine) -> None:
    holding, cut = asyncio.Event(), asyncio.Event()

    async def handle(delivery: Delivery) -> None:
        if delivery.body == b"2" and not cut.is_set():
            holding.set()
            await cut.wait()

    await queue_line.publish(b"1", b"2", b"3", b"4")
    async with queue_line.worker(handle) as consumer:
        await holding.wait()
        # The management API lists a connection some seconds after it was opened.
        assert 1 == await eventually(queue_line.cut_connections)
        cut.set()
        await eventually(lambda: consumer.bodies[-1] == b"4")
    # What was in hand comes again; what was acknowledged does not.
    assert [b"1", b"2", b"2", b"3", b"4"] == consumer.bodies


async def test_a_deleted_queue_is_declared_again(queue_line: QueueLine) -> None:
    await queue_line.publish(b"before")
    async with queue_line.worker() as consumer:
        await eventually(lambda: consumer.bodies == [b"before"])
        await queue_line.channel.queue_delete(REGISTRY_QUEUE)

        async def published() -> bool:
            # Until the queue is back, this is kept as unroutable instead.
            await queue_line.publish(b"after")
            return b"after" in consumer.bodies

        await eventually(published)


async def test_stopping_finishes_the_delivery_in_hand_and_gives_the_others_back(
    queue_line: QueueLine,
) -> None:
    holding, stopping = asyncio.Event(), asyncio.Event()

    async def handle(_: Delivery) -> None:
        holding.set()
        await stopping.wait()

    await queue_line.publish(b"1", b"2", b"3")
    async with queue_line.worker(handle) as consumer:
        await holding.wait()
        asyncio.get_running_loop().call_later(0.2, stopping.set)
    assert [b"1"] == consumer.bodies
    async with queue_line.worker() as successor:
        await eventually(lambda: successor.bodies == [b"2", b"3"])


async def test_what_the_broker_set_aside_is_kept_with_the_reason(queue_line: QueueLine) -> None:
    await queue_line.publish(b"status", key="sensor.pump-1.status")
    await queue_line.publish(b"poison")
    queue = await queue_line.channel.get_queue(REGISTRY_QUEUE)
    with suppress(TimeoutError):
        async with asyncio.timeout(20):
            while message := await queue.get(fail=False):
                await message.reject(requeue=True)
    async with queue_line.running(DeadLetters(queue_line.ports)):
        await eventually(lambda: _count(queue_line, 2))
    letters = {letter["body"]: letter for letter in await queue_line.letters()}
    status, poison = letters[b"status"], letters[b"poison"]
    assert ("unroutable", "iot", "sensor.pump-1.status", "pump-1") == _summary(status)
    assert ("delivery_limit", "iot", KEY, "pump-1") == _summary(poison)
    assert REGISTRY_QUEUE == poison["source"]
    assert "delivery_limit" == json.loads(poison["headers"])["x-death"][0]["reason"]


def _summary(letter: asyncpg.Record) -> tuple[object, ...]:
    return tuple(letter[key] for key in ("reason", "exchange", "routing_key", "serial"))


async def _count(queue_line: QueueLine, count: int) -> bool:
    return len(await queue_line.letters()) == count
