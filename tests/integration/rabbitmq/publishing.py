"""Publish and read back as a test's own client, beside the code that is tested."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from weir.model.names import EXCHANGE


@asynccontextmanager
async def channel_to(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        yield channel


async def publish(
    channel: AbstractChannel, routing_key: str, body: bytes = b"x", exchange: str = EXCHANGE
) -> None:
    """Publish and wait until the broker has taken responsibility."""
    target = await channel.get_exchange(exchange, ensure=False)
    message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await target.publish(message, routing_key)


async def take_one(channel: AbstractChannel, queue_name: str) -> AbstractIncomingMessage | None:
    queue = await channel.get_queue(queue_name, ensure=False)
    message = await queue.get(fail=False)
    if message is not None:
        await message.ack()
    return message


async def stream_length(channel: AbstractChannel, stream: str) -> int:
    """Count the messages of a stream by reading what is there."""
    queue = await channel.declare_queue(stream, passive=True)
    return queue.declaration_result.message_count or 0
