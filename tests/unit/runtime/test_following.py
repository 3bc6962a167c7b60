"""A projection that follows another one commits nothing that the other has not passed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from weir.consumer import StreamConsumer, StreamMessage
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.rabbitmq.stream_reader import Chunk
from weir.runtime.partition_worker import PartitionSource, PartitionWorker
from weir.testing.clock import ManualClock
from weir.testing.conditions import eventually
from weir.testing.memory import memory_ports
from weir.testing.running import running

STREAM = "work.0"
#: An AMQP 1.0 data section with one byte.
MESSAGE = b"\x00\x53\x75\xa0\x01x"


class Follower(StreamConsumer[int]):
    """Remembers up to where it committed."""

    name = "follower"
    follows = "leader"

    def __init__(self) -> None:
        super().__init__(memory_ports())
        self.committed: list[int] = []

    def decode(self, message: StreamMessage) -> int:
        return message.offset

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[int],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        assert list(range(start.next_offset, next_offset)) == list(items)
        assert not letters
        self.committed.append(next_offset)
        return AppendReport()


class Stage:
    """A stream to which the test adds, and the checkpoint of the projection that is followed."""

    def __init__(self) -> None:
        self.leader_offset = 0
        self.asked_count = 0
        self._chunks: asyncio.Queue[Chunk] = asyncio.Queue()
        self._end = 0

    def add_message(self) -> None:
        self._chunks.put_nowait(Chunk(self._end, 0, [MESSAGE]))
        self._end += 1

    @property
    def is_all_read(self) -> bool:
        return self._chunks.empty()

    async def next_chunk(self) -> Chunk:
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

    @asynccontextmanager
    async def open_stream(self, stream: str, offset: int) -> AsyncIterator["Stage"]:
        assert (STREAM, 0) == (stream, offset)
        yield self

    def source(self) -> PartitionSource:
        return PartitionSource(self.open_stream, self.end_offset, self, ManualClock())


async def test_what_arrives_while_it_waits_is_left_for_the_next_commit() -> None:
    stage, follower = Stage(), Follower()
    stage.add_message()
    async with running(PartitionWorker(follower, STREAM, stage.source()).run()):
        await eventually(lambda: stage.asked_count > 0)
        stage.add_message()
        await eventually(lambda: stage.is_all_read)

        stage.leader_offset = 1
        await eventually(lambda: follower.committed == [1])
        stage.leader_offset = 2
        await eventually(lambda: follower.committed == [1, 2])
