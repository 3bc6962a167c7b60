"""A stream in memory to which a test adds, and a consumer that remembers what it committed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from weir.consumer import StreamConsumer, StreamMessage
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.rabbitmq.stream_client import Chunk
from weir.runtime.partition_worker import PartitionSource, PartitionWorker
from weir.testing.clock import ManualClock
from weir.testing.memory import memory_ports

STREAM = "work.0"
#: An AMQP 1.0 data section with one byte.
MESSAGE = b"\x00\x53\x75\xa0\x01x"


class Recorder(StreamConsumer[int]):
    """Remembers what it committed."""

    name = "recorder"
    #: Offsets that its stream leaves out.
    missing: frozenset[int] = frozenset()

    def __init__(self) -> None:
        super().__init__(memory_ports())
        self.committed: list[list[int]] = []
        self.decoded_count = 0

    def decode(self, message: StreamMessage) -> int:
        self.decoded_count += 1
        return message.offset

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[int],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        offsets = range(start.next_offset, next_offset)
        assert [offset for offset in offsets if offset not in self.missing] == list(items)
        assert not letters
        self.committed.append(list(items))
        return AppendReport()


class Stage:
    """A stream, and the checkpoint of the projection `leader` that others follow."""

    def __init__(self) -> None:
        self.leader_offset = 0
        self.asked_count = 0
        self.oldest_offset = 0
        self.is_read_from = False
        self._chunks: asyncio.Queue[Chunk] = asyncio.Queue()
        self._end = 0

    def add_message(self, count: int = 1) -> None:
        """Add so many messages, in one chunk."""
        self._chunks.put_nowait(Chunk(self._end, 0, [MESSAGE] * count))
        self._end += count

    def skip(self, count: int) -> None:
        """Leave offsets without messages."""
        self._end += count

    @property
    def is_empty(self) -> bool:
        """Whether everything has been read."""
        return self._chunks.empty()

    async def next_chunk(self) -> Chunk:
        self.is_read_from = True
        return await self._chunks.get()

    async def next_offset(self, consumer: str, stream: str) -> int:
        assert stream == STREAM
        if consumer != "leader":
            return 0
        self.asked_count += 1
        return self.leader_offset

    async def put(self, checkpoint: Checkpoint) -> None:
        raise AssertionError(checkpoint)

    async def end_offset(self, stream: str) -> int:
        raise AssertionError(stream)

    async def first_offset(self, stream: str) -> int:
        assert stream == STREAM
        return self.oldest_offset

    @asynccontextmanager
    async def open_stream(self, stream: str, offset: int) -> AsyncIterator["Stage"]:
        assert (STREAM, 0) == (stream, offset)
        yield self

    def worker(self, consumer: StreamConsumer[int]) -> PartitionWorker[int]:
        source = PartitionSource(
            self.open_stream, self.end_offset, self.first_offset, self, ManualClock()
        )
        return PartitionWorker(consumer, STREAM, source)
