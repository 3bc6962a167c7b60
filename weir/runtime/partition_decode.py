"""Decode messages of a partition: one by one, or those together that look alike."""

import asyncio
from collections.abc import Sequence
from typing import TypeVar

import structlog

from weir.consumer import Joined, StreamConsumer, StreamMessage
from weir.errors import InvalidMessageError
from weir.rabbitmq.amqp10 import split_message
from weir.runtime.partition_backlog import Entry
from weir.runtime.partition_commit import reject

log = structlog.get_logger()

Item = TypeVar("Item")

#: Messages that one commit decodes, small ones: some ten milliseconds if none looks like another.
OPENED_AT_ONCE_MAX = 2_048
#: Of those, messages decoded one by one before other tasks get their turn.
_DECODED_AT_ONCE = 256


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


async def open_entries(
    consumer: StreamConsumer[Item], stream: str, entries: list[Entry[Item]]
) -> list[Entry[Item]]:
    """Decode what is not decoded yet; what looks alike becomes one entry.

    In the order of the offsets, an entry of several where its last message was.
    """
    opened = [entry for entry in entries if entry.is_open]
    if not opened:
        return entries
    joined = _joined(consumer, opened)
    if joined is None or not joined.rows:
        return await _one_by_one(consumer, stream, entries)
    parts = tuple(opened[row] for row in joined.rows)
    settled = await _one_by_one(consumer, stream, _without(entries, parts))
    return _in_order([*settled, _whole(joined, parts)])


def _joined(consumer: StreamConsumer[Item], opened: Sequence[Entry[Item]]) -> Joined[Item] | None:
    stored = [entry.message.body for entry in opened]
    received_at_us = [entry.message.received_at_us for entry in opened]
    try:
        return consumer.join(stored, received_at_us, split_message)
    except Exception:
        # It only saves time: messages that break it must not stop everybody's.
        log.exception("joining_failed", consumer=consumer.name)
        return None


async def take_apart(
    consumer: StreamConsumer[Item], stream: str, entries: Sequence[Entry[Item]]
) -> list[Entry[Item]]:
    """Decode one by one what was joined."""
    pieces = [part for entry in entries for part in (entry.parts or (entry,))]
    return await _one_by_one(consumer, stream, _in_order(pieces))


def _whole(joined: Joined[Item], parts: tuple[Entry[Item], ...]) -> Entry[Item]:
    return Entry(
        parts[-1].message,
        joined.item,
        None,
        weight=len(parts),
        parts=parts,
        routing_keys=joined.routing_keys,
    )


def _without(entries: Sequence[Entry[Item]], parts: tuple[Entry[Item], ...]) -> list[Entry[Item]]:
    if len(parts) == len(entries):
        return []
    left_out = {part.message.offset for part in parts}
    return [entry for entry in entries if entry.message.offset not in left_out]


async def _one_by_one(
    consumer: StreamConsumer[Item], stream: str, entries: list[Entry[Item]]
) -> list[Entry[Item]]:
    for index, entry in enumerate(entries):
        if entry.is_open:
            entries[index] = decode_entry(consumer, stream, entry.message)
        if index % _DECODED_AT_ONCE == _DECODED_AT_ONCE - 1:
            await asyncio.sleep(0)
    return entries


def _in_order(entries: list[Entry[Item]]) -> list[Entry[Item]]:
    return sorted(entries, key=lambda entry: entry.message.offset)
