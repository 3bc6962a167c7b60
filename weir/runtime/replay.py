"""Read streams again from a point of the past up to their present end, beside the live worker."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from weir.consumer import StreamConsumer
from weir.ports import Checkpoint
from weir.runtime.partition_worker import PartitionSource, PartitionWorker

PROGRESS_INTERVAL_S = 0.5


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a stream: offsets from `start` to before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How many messages have been read again, of how many."""

    done_count: int
    total_count: int

    @property
    def is_complete(self) -> bool:
        """Whether everything has been read again."""
        return self.done_count >= self.total_count


async def replay(
    consumer: StreamConsumer[Any], spans: Mapping[str, Span], source: PartitionSource
) -> AsyncIterator[Progress]:
    """Project `spans` of streams again, and tell how far it is; the last is complete.

    The consumer's `checkpoint_name` must not be the live one's. One that has begun goes on where it
    was; what arrives after the ends may be projected too, which changes nothing.

    Raises:
        WeirError: what a worker gave up with.
    """
    for stream, span in spans.items():
        if await source.checkpoints.next_offset(consumer.checkpoint_name, stream) < span.start:
            start = Checkpoint(consumer.checkpoint_name, stream, span.start)
            await source.checkpoints.put(start)
    waiting = {stream: span for stream, span in spans.items() if span.end > span.start}
    async with _workers(consumer, list(waiting), source) as tasks:
        while True:
            progress = await _progress(consumer, waiting, source)
            yield progress
            if progress.is_complete:
                return
            done, _ = await asyncio.wait(tasks, timeout=PROGRESS_INTERVAL_S)
            for task in done:
                task.result()


async def _progress(
    consumer: StreamConsumer[Any], spans: Mapping[str, Span], source: PartitionSource
) -> Progress:
    done_count = 0
    for stream, span in spans.items():
        offset = await source.checkpoints.next_offset(consumer.checkpoint_name, stream)
        done_count += min(offset, span.end) - span.start
    return Progress(done_count, sum(span.end - span.start for span in spans.values()))


@asynccontextmanager
async def _workers(
    consumer: StreamConsumer[Any], streams: list[str], source: PartitionSource
) -> AsyncIterator[list["asyncio.Task[None]"]]:
    tasks = [
        asyncio.create_task(PartitionWorker(consumer, stream, source).run()) for stream in streams
    ]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
