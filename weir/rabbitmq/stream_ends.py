"""Where a stream begins and ends now. Brokers before 3.11 cannot be asked, so a reader looks."""

import asyncio
from datetime import datetime

from weir.rabbitmq.stream_client import Chunk
from weir.rabbitmq.stream_reader import (
    StreamEnd,
    StreamReader,
    StreamStart,
    open_stream,
)

#: A stream that has messages shows its first or last ones at once; an empty one shows nothing.
EMPTY_WAIT_S = 2.0
#: How long what has arrived takes through our own tasks.
_HANDOVER_S = 0.2


async def first_offset(url: str, stream: str) -> int | None:
    """Give the offset of the oldest message that the stream still holds; None when it is empty.

    Raises:
        BrokerUnavailableError: no connection, or no such stream.
    """
    chunk = await _look(url, stream, StreamEnd.FIRST)
    return chunk.first_offset if chunk else None


async def end_offset(url: str, stream: str) -> int:
    """Give the offset that the next message will have; 0 when there never was one.

    Raises:
        BrokerUnavailableError: no connection, or no such stream.
    """
    chunk = await _look(url, stream, StreamEnd.LAST)
    return chunk.first_offset + len(chunk.messages) if chunk else 0


async def offset_at(url: str, stream: str, instant: datetime) -> int:
    """Give the offset from which on everything is that was stored at `instant` or later.

    It may be that of a slightly older message: streams are stored in chunks.

    Raises:
        BrokerUnavailableError: no connection, or no such stream.
    """
    chunk = await _look(url, stream, instant)
    return chunk.first_offset if chunk else await end_offset(url, stream)


async def reach_stream(url: str, stream: str) -> None:
    """Return when the stream can be subscribed to.

    Raises:
        BrokerUnavailableError: no connection, or no such stream.
    """
    async with open_stream(url, stream, StreamEnd.LAST) as reader:
        await reader.probe()


async def _look(url: str, stream: str, start: StreamStart) -> Chunk | None:
    async with open_stream(url, stream, start) as reader:
        chunk = await _chunk_within(EMPTY_WAIT_S, reader)
        if chunk is None:
            # A broker that is only slow must not make a stream look empty: its consumers would
            # start over. What it sent before it answers is here when the answer is.
            await reader.probe()
            chunk = await _chunk_within(_HANDOVER_S, reader)
        return chunk


async def _chunk_within(wait_s: float, reader: StreamReader) -> Chunk | None:
    try:
        async with asyncio.timeout(wait_s):
            return await reader.next_chunk()
    except TimeoutError:
        return None
