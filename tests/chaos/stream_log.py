"""What the broker holds in the end: every message of every measurement stream."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import aio_pika

from weir.model.names import partition_streams
from weir.rabbitmq.amqp10 import split_message
from weir.rabbitmq.stream_reader import open_stream

_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a stream."""

    stream: str
    offset: int
    routing_key: str
    body: bytes


def end_marks(partition_count: int) -> Iterator[tuple[str, bytes]]:
    """Give the last message of each stream: one that no consumer can accept."""
    for stream in partition_streams(partition_count):
        yield stream, b"\xff\xff the end of " + stream.encode()


async def mark_ends(amqp_url: str, partition_count: int) -> None:
    """Publish the end marks, each directly into its stream."""
    connection = await aio_pika.connect(amqp_url, timeout=_TIMEOUT_S)
    async with connection, connection.channel() as channel:
        for stream, mark in end_marks(partition_count):
            message = aio_pika.Message(mark, delivery_mode=2)
            await channel.default_exchange.publish(message, stream, timeout=_TIMEOUT_S)


async def read_log(stream_url: str, partition_count: int) -> list[Entry]:
    """Read every stream from its beginning to its end mark."""
    entries = []
    for stream, mark in end_marks(partition_count):
        async with asyncio.timeout(_TIMEOUT_S):
            entries += await _read_stream(stream_url, stream, mark)
    return entries


async def _read_stream(stream_url: str, stream: str, mark: bytes) -> list[Entry]:
    entries = []
    async with open_stream(stream_url, stream, 0) as reader:
        while True:
            chunk = await reader.next_chunk()
            for index, raw in enumerate(chunk.messages):
                routing_key, body = split_message(raw)
                entries.append(Entry(stream, chunk.first_offset + index, routing_key, bytes(body)))
                if entries[-1].body == mark:
                    return entries
