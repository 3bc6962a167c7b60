"""A worker among other tasks: it gives them their turns, and it ends when it is told to."""

import asyncio
import gc
from typing import Any

import pytest

from tests.unit.runtime.stage import MESSAGE, Recorder, Stage
from weir.errors import BrokerUnavailableError
from weir.rabbitmq.stream_client import Chunk
from weir.runtime.partition_worker import DECODED_AT_ONCE_BYTES, OPEN_OVERHEAD_BYTES
from weir.testing.conditions import eventually
from weir.testing.running import running

CHUNK_COUNT = 10
CHUNK_MESSAGES = DECODED_AT_ONCE_BYTES // (OPEN_OVERHEAD_BYTES + len(MESSAGE)) + 1


class Small(Recorder):
    """Takes all of its messages as small ones."""

    name = "small"
    joined_bytes_max = 100


async def test_others_have_their_turns_while_chunks_of_small_messages_are_taken() -> None:
    stage, consumer, turn_count = Stage(), Small(), 0
    loop = asyncio.get_running_loop()
    for _ in range(CHUNK_COUNT):
        stage.add_message(CHUNK_MESSAGES)

    def take_turn() -> None:
        nonlocal turn_count
        if stage.is_read_from and not stage.is_empty:
            turn_count += 1
        if not stage.is_empty:
            loop.call_soon(take_turn)

    take_turn()
    async with running(stage.worker(consumer).run()):
        await eventually(lambda: sum(map(len, consumer.committed)) == CHUNK_COUNT * CHUNK_MESSAGES)

    assert turn_count >= CHUNK_COUNT - 1


class Losing(Stage):
    """A stream whose connection is lost when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.is_lost = asyncio.Event()
        self.is_read = asyncio.Event()
        self.opened_count = 0

    async def next_chunk(self) -> Chunk:
        self.opened_count += 1
        self.is_read.set()
        await self.is_lost.wait()
        raise BrokerUnavailableError("lost")


async def test_a_worker_whose_connection_is_lost_goes_on() -> None:
    stage = Losing()
    async with running(stage.worker(Recorder()).run()):
        await stage.is_read.wait()
        stage.is_lost.set()
        await eventually(lambda: stage.opened_count > 2)


@pytest.mark.parametrize("turn_count", range(8))
async def test_a_worker_that_is_stopped_as_its_connection_is_lost_ends(turn_count: int) -> None:
    stage, loop = Losing(), asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, said: complaints.append(said))
    worker = asyncio.create_task(stage.worker(Recorder()).run())
    await stage.is_read.wait()

    def stop_in(turns: int) -> None:
        if turns:
            loop.call_soon(stop_in, turns - 1)
        else:
            worker.cancel()

    stage.is_lost.set()
    stop_in(turn_count)
    await asyncio.wait([worker], timeout=5)

    assert worker.cancelled()
    # An error that nobody has asked for is told when its task is collected.
    gc.collect()
    assert [] == complaints
