"""Commit a run of messages; find the one that the database refuses and keep it as a dead letter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from weir.clock import from_us
from weir.consumer import StreamConsumer, StreamMessage
from weir.errors import (
    InvalidMessageError,
    RefusedItemsError,
    RejectedByStoreError,
    WrongSerialError,
)
from weir.model.names import serial_of
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.runtime.partition_entry import Entry

log = structlog.get_logger()

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a run of entries: what was stored, and which messages were set aside."""

    report: AppendReport
    letters: tuple[DeadLetter, ...]

    def __add__(self, other: "Committed") -> "Committed":
        return Committed(self.report + other.report, self.letters + other.letters)


async def commit_whole(
    consumer: StreamConsumer[Item], start: Checkpoint, entries: Sequence[Entry[Item]]
) -> Committed | None:
    """Commit entries as they are; None: nothing was stored, and what was joined must come apart.

    Where nothing was joined it is `commit_entries`.

    Raises:
        ConflictError: another worker moved the checkpoint.
        StoreUnavailableError: try again; the checkpoint shows how far this got.
    """
    if not any(entry.routing_keys for entry in entries):
        return await commit_entries(consumer, start, entries)
    next_offset = entries[-1].message.offset + 1
    items, letters = _contents(entries)
    try:
        report = await consumer.commit(start, next_offset, items, letters)
    except (RefusedItemsError, RejectedByStoreError):
        return None
    return Committed(report, tuple(letters))


def _contents(entries: Sequence[Entry[Item]]) -> tuple[list[Item], list[DeadLetter]]:
    items = [entry.item for entry in entries if entry.item is not None]
    return items, [entry.letter for entry in entries if entry.letter is not None]


async def commit_entries(
    consumer: StreamConsumer[Item], start: Checkpoint, entries: Sequence[Entry[Item]]
) -> Committed:
    """Commit entries from `start` on, in one transaction if the database takes them all.

    Otherwise they are halved until the refused one is alone: after at most log2(n) failures the
    others are stored, in order, and it is a dead letter.

    Raises:
        ConflictError: another worker moved the checkpoint.
        StoreUnavailableError: try again; the checkpoint shows how far this got.
    """
    next_offset = entries[-1].message.offset + 1
    items, letters = _contents(entries)
    try:
        report = await consumer.commit(start, next_offset, items, letters)
    except RefusedItemsError as error:
        accepted = _set_aside(consumer, start.stream, entries, error.errors)
        return await commit_entries(consumer, start, accepted)
    except RejectedByStoreError as error:
        if len(entries) == 1:
            return await _commit_refused(consumer, start, entries[0], error)
        log.warning("commit_bisected", count=len(entries), error=str(error))
    else:
        return Committed(report, tuple(letters))
    middle = len(entries) // 2
    first = await commit_entries(consumer, start, entries[:middle])
    rest = replace(start, next_offset=entries[middle - 1].message.offset + 1)
    return first + await commit_entries(consumer, rest, entries[middle:])


def _set_aside(
    consumer: StreamConsumer[Item],
    stream: str,
    entries: Sequence[Entry[Item]],
    errors: Mapping[int, InvalidMessageError],
) -> list[Entry[Item]]:
    """Turn the items with these indexes into dead letters, everything in its place."""
    index = -1
    settled = []
    for entry in entries:
        index += entry.item is not None
        error = errors.get(index) if entry.item is not None else None
        if error is None:
            settled.append(entry)
        else:
            letter = reject(consumer.name, stream, entry.message, error)
            settled.append(Entry(entry.message, None, letter))
    return settled


async def _commit_refused(
    consumer: StreamConsumer[Item],
    start: Checkpoint,
    entry: Entry[Item],
    error: RejectedByStoreError,
) -> Committed:
    if entry.item is None:
        # A dead letter that the database refuses is our own mistake: stop rather than lose it.
        raise error
    letter = reject(consumer.name, start.stream, entry.message, error)
    report = await consumer.commit(start, entry.message.offset + 1, [], [letter])
    return Committed(report, (letter,))


def reject(
    consumer: str, stream: str, message: StreamMessage, error: InvalidMessageError
) -> DeadLetter:
    """Make the dead letter of a message of a stream."""
    try:
        serial: str | None = serial_of(message.routing_key)
    except WrongSerialError:
        serial = None
    return DeadLetter(
        consumer=consumer,
        reason=error.reason,
        error=str(error),
        source=stream,
        source_offset=message.offset,
        routing_key=message.routing_key,
        body=bytes(message.body),
        serial=serial,
        first_seen_at=from_us(message.received_at_us),
    )
