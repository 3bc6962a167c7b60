"""The reader of streams when its broker is slow or gone, and when it is cancelled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import aio_pika
import pytest

from tests.chaos.proxy import Proxy
from weir.errors import BrokerUnavailableError
from weir.rabbitmq import stream_reader
from weir.rabbitmq.stream_ends import EMPTY_WAIT_S, end_offset
from weir.rabbitmq.stream_reader import open_stream
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

pytestmark = pytest.mark.rabbitmq

STREAM = "work.0"


class DropError(Exception):
    """What ends a block in a test."""


async def fill(broker: Broker, count: int) -> None:
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, connection.channel() as channel:
        arguments: Any = {"x-queue-type": "stream"}
        await channel.declare_queue(STREAM, durable=True, arguments=arguments)
        for _ in range(count):
            await channel.default_exchange.publish(aio_pika.Message(b"x"), STREAM)


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    address = urlsplit(url)
    assert address.port is not None
    proxy = Proxy(address.port)
    await proxy.start()
    netloc = f"{address.username}:{address.password}@127.0.0.1:{proxy.port}"
    yield proxy, address._replace(netloc=netloc).geturl()
    proxy.stop()


async def test_a_reader_that_is_closing_can_be_cancelled(broker: Broker) -> None:
    await fill(broker, 1)

    async def read() -> None:
        with suppress(DropError):
            async with open_stream(broker.stream_url, STREAM, 0):
                raise DropError
        await asyncio.Event().wait()

    reading = asyncio.create_task(read())
    await eventually(lambda: bool(stream_reader._closing))
    reading.cancel()
    await asyncio.wait([reading], timeout=5)

    assert reading.cancelled()
    await eventually(lambda: not stream_reader._closing)


async def test_a_connection_that_is_lost_at_once_is_reported_at_once() -> None:
    async with proxied("rabbitmq-stream://user:password@127.0.0.1:1/") as (_, url):
        with pytest.raises(BrokerUnavailableError):
            async with asyncio.timeout(3), open_stream(url, STREAM, 0):
                pass


async def test_a_slow_broker_does_not_make_a_stream_look_empty(broker: Broker) -> None:
    await fill(broker, 3)
    stalls = []
    async with proxied(broker.stream_url) as (proxy, url):

        def stall() -> None:
            stalls.append(asyncio.create_task(proxy.stall(EMPTY_WAIT_S + 1)))

        # The request whose answer has the last messages: behind the number of the subscription, 0,
        # it has the stream's name (metadata are asked for behind the number of streams, 1).
        proxy.set_trap(b"\0" + len(STREAM).to_bytes(2) + STREAM.encode(), stall)
        assert 3 == await end_offset(url, STREAM)
    assert stalls


async def test_more_chunks_than_the_broker_may_send_ahead_are_all_read(broker: Broker) -> None:
    count = 3 * stream_reader.CREDIT_MAX + 1
    await fill(broker, count)

    sizes: list[int] = []
    async with asyncio.timeout(30), open_stream(broker.stream_url, STREAM, 0) as reader:
        while sum(sizes) < count:
            chunk = await reader.next_chunk()
            assert sum(sizes) == chunk.first_offset
            sizes.append(len(chunk.messages))

    # Each was confirmed before the next was sent, so that nearly all are chunks of their own.
    assert len(sizes) > stream_reader.CREDIT_MAX
