"""Decode messages of a partition: one by one, or those together that look alike."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from typing import TypeVar

import numpy as np
import structlog

from weir.consumer import Joined, StreamConsumer, StreamMessage
from weir.errors import InvalidMessageError
from weir.rabbitmq.amqp10 import split_message
from weir.rabbitmq.stream_client import Chunk
from weir.runtime.partition_commit import reject
from weir.runtime.partition_entry import Entry, Piece, Run

log = structlog.get_logger()

Item = TypeVar("Item")

#: Messages decoded one by one before other tasks get their turn.
_DECODED_AT_ONCE = 256


def pieces_of(chunk: Chunk, bytes_max: int) -> Iterator[Run | StreamMessage]:
    """Take a chunk apart: neighbours of at most `bytes_max` together, larger ones alone."""
    sizes = list(map(len, chunk.messages))
    if sizes and max(sizes) <= bytes_max:
        yield Run(chunk.first_offset, chunk.received_at_us, chunk.messages, sum(sizes))
        return
    start = 0
    for index, size in enumerate(sizes):
        if size > bytes_max:
            if start < index:
                yield _run(chunk, start, index)
            offset = chunk.first_offset + index
            yield StreamMessage(offset, "", chunk.messages[index], chunk.received_at_us)
            start = index + 1
    if start < len(sizes):
        yield _run(chunk, start, len(sizes))


def _run(chunk: Chunk, start: int, end: int) -> Run:
    stored = chunk.messages[start:end]
    return Run(chunk.first_offset + start, chunk.received_at_us, stored, sum(map(len, stored)))


def decode_entry(
    consumer: StreamConsumer[Item], stream: str, message: StreamMessage
) -> Entry[Item]:
    """Decode a message whose body is still as the stream stores it."""
    opened = StreamMessage(message.offset, "", message.body, message.received_at_us)
    try:
        opened.routing_key, opened.body = split_message(message.body)
        item = consumer.decode(opened)
    except InvalidMessageError as error:
        if consumer.follows is not None:
            # Whom it follows has kept the message.
            return Entry(opened, None, None)
        return Entry(opened, None, reject(consumer.name, stream, opened, error))
    return Entry(opened, item, None, consumer.weigh(item))


async def open_pieces(
    consumer: StreamConsumer[Item], stream: str, pieces: Sequence[Piece[Item]]
) -> list[Entry[Item]]:
    """Decode what is not decoded yet; what looks alike becomes one entry.

    In the order of the offsets, an entry of several where its last message was.
    """
    runs = [piece for piece in pieces if isinstance(piece, Run)]
    joined = _join(consumer, runs) if runs else None
    if joined is None or not joined.rows:
        return await take_apart(consumer, stream, pieces)
    ends = list(accumulate(run.message_count for run in runs))
    entries = [piece for piece in pieces if isinstance(piece, Entry)]
    entries.append(_whole(joined, _message_at(runs, ends, joined.rows[-1])))
    left_out = [] if len(joined.rows) == ends[-1] else set(range(ends[-1])).difference(joined.rows)
    messages = (_message_at(runs, ends, row) for row in left_out)
    entries += await _decode(consumer, stream, messages)
    entries.sort(key=lambda entry: entry.message.offset)
    return entries


def _message_at(runs: Sequence[Run], ends: Sequence[int], row: int) -> StreamMessage:
    """Give the message of a row, counted over all runs; `ends`: up to each of them."""
    index = bisect_right(ends, row)
    return runs[index].message(row - ends[index] + runs[index].message_count)


def _join(consumer: StreamConsumer[Item], runs: Sequence[Run]) -> Joined[Item] | None:
    stored = list(chain.from_iterable(run.stored for run in runs))
    counts = [run.message_count for run in runs]
    try:
        received = np.array([run.received_at_us for run in runs], dtype=np.int64)
        return consumer.join(stored, np.repeat(received, counts), split_message)
    except Exception:
        # It only saves time: messages that break it must not stop everybody's.
        log.exception("joining_failed", consumer=consumer.name)
        return None


def _whole(joined: Joined[Item], last: StreamMessage) -> Entry[Item]:
    return Entry(last, joined.item, None, weight=len(joined.rows), routing_keys=joined.routing_keys)


async def take_apart(
    consumer: StreamConsumer[Item], stream: str, pieces: Sequence[Piece[Item]]
) -> list[Entry[Item]]:
    """Decode one by one what is not decoded yet."""
    entries: list[Entry[Item]] = []
    for piece in pieces:
        if isinstance(piece, Run):
            messages = map(piece.message, range(piece.message_count))
            entries += await _decode(consumer, stream, messages)
        else:
            entries.append(piece)
    return entries


async def _decode(
    consumer: StreamConsumer[Item], stream: str, messages: Iterator[StreamMessage]
) -> list[Entry[Item]]:
    entries = []
    for index, message in enumerate(messages):
        entries.append(decode_entry(consumer, stream, message))
        if index % _DECODED_AT_ONCE == _DECODED_AT_ONCE - 1:
            await asyncio.sleep(0)
    return entries
