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
from weir.consumer import StreamConsumer, StreamMessage
from weir.errors import (
    ConflictError,
    InvalidMessageError,
    StreamReplacedError,
    TransientError,
    WeirError,
)
from weir.ports import Checkpoint, CheckpointStore
from weir.rabbitmq.amqp10 import split_message
from weir.rabbitmq.stream_reader import Chunk
from weir.runtime.dead_letter_limit import DeadLetterLimit
from weir.runtime.outage import Outage
from weir.runtime.partition_account import PartitionAccount
from weir.runtime.partition_backlog import Backlog, Entry
from weir.runtime.partition_commit import Committed, commit_entries, reject
from weir.runtime.waiting import until_available

log = structlog.get_logger()

Item = TypeVar("Item")

#: Bytes decoded before other tasks get their turn: some milliseconds of protobuf, at the worst
#: (JSON, one object a reading) some tens.
DECODED_AT_ONCE_BYTES = 256 * 1024
#: What a message costs beside its length, in bytes that cost as much.
DECODE_OVERHEAD_BYTES = 1024
#: How often a projection looks whether the one that it follows has passed.
FOLLOW_INTERVAL_S = 0.25


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
    message; `checkpoints` remembers. `dead_letter_share_max`: the worker stops when it rejects more
    than this share of everything; 1 never stops it.
    """

    open_stream: OpenStream
    end_offset: Callable[[str], Awaitable[int]]
    checkpoints: CheckpointStore
    clock: Clock
    dead_letter_share_max: float = 1.0


class PartitionWorker(Generic[Item]):
    """Runs a stream consumer over one partition until it is cancelled."""

    def __init__(
        self, consumer: StreamConsumer[Item], stream: str, source: PartitionSource
    ) -> None:
        self._consumer = consumer
        self._stream = stream
        self._source = source
        limit = DeadLetterLimit(consumer.name, source.dead_letter_share_max)
        self._account = PartitionAccount(consumer.name, source.clock, limit)
        self._outage = Outage()
        self._owes_commit = False

    async def run(self) -> None:
        """Project for ever; losing the broker or the database is waited out.

        Raises:
            TooManyDeadLettersError: nearly everything is rejected.
        """
        structlog.contextvars.bind_contextvars(consumer=self._consumer.name, partition=self._stream)
        while True:
            try:
                await self._run_once()
            except* (TransientError, ConflictError) as group:
                error = _first(group)
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
            backlog: Backlog[Item] = Backlog(offset)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read(reader, backlog))
                tasks.create_task(self._write(offset, backlog))

    async def _read(self, reader: ChunkReader, backlog: Backlog[Item]) -> None:
        while True:
            chunk = await reader.next_chunk()
            lost_count = chunk.first_offset - backlog.next_offset
            if lost_count > 0:
                metrics.MESSAGES_LOST.labels(self._consumer.name).inc(lost_count)
                log.error(
                    "stream_truncated",
                    reason="the stream no longer holds messages that were never read",
                    count=lost_count,
                    offset=backlog.next_offset,
                )
            await self._take(chunk, backlog)

    async def _take(self, chunk: Chunk, backlog: Backlog[Item]) -> None:
        """Decode a chunk into the backlog, giving other tasks their turns."""
        effort = 0
        for index, raw in enumerate(chunk.messages):
            effort += DECODE_OVERHEAD_BYTES + len(raw)
            if effort > DECODED_AT_ONCE_BYTES:
                effort = 0
                await asyncio.sleep(0)
            await backlog.wait_for_room()
            backlog.add(self._decode(chunk, index, raw))

    def _decode(self, chunk: Chunk, index: int, raw: bytes) -> Entry[Item]:
        message = StreamMessage(chunk.first_offset + index, "", raw, chunk.received_at_us)
        try:
            message.routing_key, message.body = split_message(raw)
            item = self._consumer.decode(message)
        except InvalidMessageError as error:
            if self._consumer.follows is not None:
                # Whom it follows has kept the message.
                return Entry(message, None, None)
            letter = reject(self._consumer.name, self._stream, message, error)
            return Entry(message, None, letter)
        return Entry(message, item, None, self._consumer.weigh(item))

    async def _write(self, offset: int, backlog: Backlog[Item]) -> None:
        while True:
            await backlog.wait_for_entries(self._consumer.idle_interval_s)
            if not backlog:
                await self._commit_nothing(offset)
                continue
            if self._consumer.commit_interval_s:
                await asyncio.sleep(self._consumer.commit_interval_s)
            # What arrives while we wait has not been passed yet: it stays for the next commit.
            reached = backlog.next_offset
            await self._follow(reached)
            entries = backlog.take(reached)
            with metrics.HANDLE_SECONDS.labels(self._consumer.name).time():
                committed = await self._commit(offset, entries)
            offset = entries[-1].message.offset + 1
            self._account.note(committed, entries)

    async def _follow(self, offset: int) -> None:
        """Wait until the projection that this one builds on has passed `offset`."""
        followed = self._consumer.follows
        if followed is None:
            return
        # Another process moves that checkpoint, so there is no event to wait for.
        checkpoints = self._source.checkpoints
        while await checkpoints.next_offset(followed, self._stream) < offset:  # noqa: ASYNC110
            await asyncio.sleep(FOLLOW_INTERVAL_S)

    async def _commit_nothing(self, offset: int) -> None:
        """Let a consumer do what it has put off."""
        start = Checkpoint(self._consumer.checkpoint_name, self._stream, offset)
        await self._consumer.commit(start, offset, [], [])
        self._outage.over()

    async def _commit(self, offset: int, entries: list[Entry[Item]]) -> Committed:
        start = Checkpoint(self._consumer.checkpoint_name, self._stream, offset)
        # Being able to read is no recovery while the database takes nothing.
        self._owes_commit = True
        committed = await commit_entries(self._consumer, start, entries)
        self._owes_commit = False
        self._outage.over()
        return committed


def _first(group: BaseExceptionGroup[WeirError]) -> WeirError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
