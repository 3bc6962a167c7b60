"""Project one partition: read, decode, commit, and start again where the checkpoint says.

Two tasks share a backlog: one reads and decodes, the other commits. Nothing is acknowledged to the
broker; the checkpoint moves in the transaction of what was stored, and is the only memory.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import structlog

from weir import metrics
from weir.clock import Clock
from weir.consumer import StreamConsumer
from weir.errors import (
    ConflictError,
    StreamReplacedError,
    TransientError,
    WeirError,
)
from weir.ports import Checkpoint, CheckpointStore
from weir.rabbitmq.stream_client import Chunk
from weir.runtime.dead_letter_limit import NO_BOUNDS, DeadLetterBounds, DeadLetterLimit
from weir.runtime.outage import Outage
from weir.runtime.pace import Pace
from weir.runtime.partition_account import PartitionAccount
from weir.runtime.partition_backlog import OPENED_AT_ONCE_MAX, Backlog
from weir.runtime.partition_commit import Committed, commit_entries, commit_whole
from weir.runtime.partition_decode import decode_entry, open_pieces, pieces_of, take_apart
from weir.runtime.partition_entry import Entry, Piece, Run
from weir.runtime.stream_gap import FirstOffset, count_dropped
from weir.runtime.waiting import until_available
from weir.tracing import span

log = structlog.get_logger()

Item = TypeVar("Item")

#: Bytes decoded before other tasks get their turn: some milliseconds of protobuf, at the worst
#: (JSON, one object a reading) some tens.
DECODED_AT_ONCE_BYTES = 256 * 1024
#: What a message costs beside its length, in bytes that cost as much: to decode, and only to take
#: from its chunk.
DECODE_OVERHEAD_BYTES, OPEN_OVERHEAD_BYTES = 1024, 128
#: How often a projection that is in no hurry otherwise looks how far the one has come that it
#: follows.
FOLLOW_INTERVAL_S = 0.25
#: After which a follower stores what it has read so far of what it wants.
FOLLOW_WAIT_S = 1.0


class ChunkReader(Protocol):
    """Gives the chunks of a stream in order."""

    async def next_chunk(self) -> Chunk:
        """Wait for the next chunk."""
        ...


OpenStream = Callable[[str, int], AbstractAsyncContextManager[ChunkReader]]


@dataclass(frozen=True, slots=True)
class PartitionSource:
    """Where a worker's messages and its memory are.

    `open_stream(stream, offset)` subscribes; `end_offset(stream)` tells the offset of the next
    message, `first_offset(stream)` that of the oldest; `checkpoints` remembers.
    `dead_letter_bounds`: the worker stops when it rejects more.
    """

    open_stream: OpenStream
    end_offset: Callable[[str], Awaitable[int]]
    first_offset: FirstOffset
    checkpoints: CheckpointStore
    clock: Clock
    dead_letter_bounds: DeadLetterBounds = NO_BOUNDS


class PartitionWorker(Generic[Item]):
    """Runs a stream consumer over one partition until it is cancelled."""

    def __init__(
        self, consumer: StreamConsumer[Item], stream: str, source: PartitionSource
    ) -> None:
        self._consumer = consumer
        self._stream = stream
        self._source = source
        limit = DeadLetterLimit(consumer.name, source.dead_letter_bounds)
        self._account = PartitionAccount(consumer.name, stream, source.clock, limit)
        self._outage = Outage()
        self._owes_commit = False
        self._effort = 0

    async def run(self) -> None:
        """Project for ever; losing the broker or the database is waited out.

        Raises:
            TooManyDeadLettersError: nearly everything is rejected.
        """
        structlog.contextvars.bind_contextvars(consumer=self._consumer.name, partition=self._stream)
        while True:
            try:
                # In a task of its own, whose cancellations are those of its group.
                await asyncio.create_task(self._run_once())
            except* (TransientError, ConflictError) as group:
                error = _first(group)
            _leave_if_cancelled()
            if isinstance(error, StreamReplacedError):
                await self._start_over(error)
            else:
                await self._outage.wait(error)

    async def _start_over(self, error: StreamReplacedError) -> None:
        """Read a new stream from its beginning: what is stored already is stored once."""
        log.error("stream_replaced", error=str(error))
        name = self._consumer.checkpoint_name
        start = Checkpoint(name, self._stream, 0)
        await until_available(partial(self._source.checkpoints.put, start))

    async def _run_once(self) -> None:
        name = self._consumer.checkpoint_name
        offset = await self._source.checkpoints.next_offset(name, self._stream)
        if offset and await self._source.end_offset(self._stream) < offset:
            # The broker would wait in silence until the stream is that long again.
            raise StreamReplacedError(f"{self._stream} ends before offset {offset}")
        async with self._source.open_stream(self._stream, offset) as reader:
            if not self._owes_commit:
                self._outage.over()
            followed = self._consumer.follows
            backlog: Backlog[Item] = Backlog(offset, None if followed is None else offset)
            writing = (
                self._write(offset, backlog)
                if followed is None
                else self._follow(followed, offset, backlog)
            )
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(reader, backlog))
                tasks.create_task(writing)

    async def _read(self, reader: ChunkReader, backlog: Backlog[Item]) -> None:
        while True:
            chunk = await reader.next_chunk()
            if chunk.first_offset > backlog.next_offset:
                await self._note_gap(backlog.next_offset, chunk.first_offset)
            await self._take(chunk, backlog)

    async def _note_gap(self, wanted: int, found: int) -> None:
        ask = self._source.first_offset
        dropped_count = await count_dropped(ask, self._stream, wanted, found)
        if dropped_count:
            metrics.MESSAGES_LOST.labels(self._consumer.name).inc(dropped_count)
            log.error(
                "stream_truncated",
                reason="the stream no longer holds messages that were never read",
                count=dropped_count,
                offset=wanted,
            )

    async def _take(self, chunk: Chunk, backlog: Backlog[Item]) -> None:
        """Put a chunk into the backlog, giving other tasks their turns while decoding."""
        for piece in pieces_of(chunk, self._consumer.joined_bytes_max):
            if not backlog.has_room:
                await backlog.wait_for_room()
            if isinstance(piece, Run):
                await self._spend(piece.byte_count + OPEN_OVERHEAD_BYTES * piece.message_count)
                backlog.add(piece)
            else:
                await self._spend(len(piece.body) + DECODE_OVERHEAD_BYTES)
                backlog.add(decode_entry(self._consumer, self._stream, piece))

    async def _spend(self, effort: int) -> None:
        """Let others have their turn when enough was done since they had the last one."""
        self._effort += effort
        if self._effort > DECODED_AT_ONCE_BYTES:
            self._effort = 0
            await asyncio.sleep(0)

    async def _write(self, offset: int, backlog: Backlog[Item]) -> None:
        consumer = self._consumer
        pace = Pace(consumer.pace_s, asyncio.get_running_loop().time)
        while True:
            await backlog.wait_for_entries(consumer.idle_interval_s)
            if not backlog:
                await self._commit_nothing(offset)
                continue
            if consumer.commit_interval_s:
                await asyncio.sleep(consumer.commit_interval_s)
            if rest_s := pace.rest_s:
                await backlog.wait_for_plenty(rest_s)
            pace.begin()
            taken = backlog.take(backlog.next_offset, OPENED_AT_ONCE_MAX)
            offset = await self._store(offset, taken)
            pace.end()

    async def _follow(self, followed: str, offset: int, backlog: Backlog[Item]) -> None:
        """Commit what the projection that this one builds on has passed, in rounds.

        Nothing is read between them: what came meanwhile is read in one go, which costs a fraction
        of being woken for each message.
        """
        consumer, clock = self._consumer, asyncio.get_running_loop().time
        worked_s = clock()
        while True:
            # Another process moves that checkpoint, so there is no event to wait for.
            reached = await self._source.checkpoints.next_offset(followed, self._stream)
            backlog.admit(reached)
            while offset < reached:
                await backlog.wait_for_offset(reached, FOLLOW_WAIT_S)
                taken = backlog.take(reached)
                if not taken:
                    # The other may remember a stream that was longer than this one is.
                    break
                offset = await self._store(offset, taken)
                worked_s = clock()
            if consumer.idle_interval_s and clock() - worked_s >= consumer.idle_interval_s:
                await self._commit_nothing(offset)
                worked_s = clock()
            await asyncio.sleep(consumer.commit_interval_s or FOLLOW_INTERVAL_S)

    async def _store(self, offset: int, pieces: list[Piece[Item]]) -> int:
        """Commit what was taken from `offset` on; gives the offset behind it."""
        count = sum(piece.message_count for piece in pieces)
        first, last = pieces[0], pieces[-1]
        self._account.expect(count)
        name = self._consumer.name
        with metrics.HANDLE_SECONDS.labels(name).time(), span(name, attributes={"messages": count}):
            committed, entries = await self._commit(offset, pieces)
        times = (first.received_at_us / 1e6, last.received_at_us / 1e6)
        self._account.note(committed, entries, metrics.Commit(name, self._stream, count, *times))
        return last.next_offset

    async def _commit_nothing(self, offset: int) -> None:
        """Let a consumer do what it has put off."""
        start = Checkpoint(self._consumer.checkpoint_name, self._stream, offset)
        await self._consumer.commit(start, offset, [], [])
        self._outage.over()

    async def _commit(
        self, offset: int, pieces: list[Piece[Item]]
    ) -> tuple[Committed, list[Entry[Item]]]:
        """Give what became of the messages, and the entries as they were committed."""
        consumer = self._consumer
        start = Checkpoint(consumer.checkpoint_name, self._stream, offset)
        entries = await open_pieces(consumer, self._stream, pieces)
        # Being able to read is no recovery while the database takes nothing.
        self._owes_commit = True
        committed = await commit_whole(consumer, start, entries)
        if committed is None:
            entries = await take_apart(consumer, self._stream, pieces)
            committed = await commit_entries(consumer, start, entries)
        self._owes_commit = False
        self._outage.over()
        return committed, entries


def _leave_if_cancelled() -> None:
    """Let a cancellation through that came in the turn in which a task of a group failed.

    Python 3.11's groups raise the failure, and forget the cancellation.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _first(group: BaseExceptionGroup[WeirError]) -> WeirError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
