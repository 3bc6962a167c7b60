"""What a message costs the writer: processor time, without the broker and its clients.

    python -m benchmarks.writer_cost [--rate N] [--readings N] [--seconds N] [--pace MS]

The real worker and a real database, fed from memory at a steady rate in chunks as the broker makes
them. Processor time is less of a guess than speed on a machine that others use too: this is what to
watch while changing the writer. Prints medians of some runs; `--profile`: cProfile's statistics.
"""

import argparse
import asyncio
import cProfile
import os
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import psutil

from benchmarks.messages import as_stored, batches
from consumers.measurements import Measurements
from weir.bootstrap import make_ports
from weir.clock import SystemClock, to_us
from weir.config import Settings
from weir.log import configure_logging
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.postgres.schema import make_partitions_ahead
from weir.rabbitmq.stream_client import Chunk, open_frame
from weir.runtime.partition_worker import PartitionSource, PartitionWorker
from weir.runtime.service import collect_rarely, loop_factory
from weir.testing.databases import open_database
from weir.testing.running import running
from weir.testing.servers import open_postgres
from weir.testing.stream_frames import deliver_frame, entry

STREAM = "fed.0"
DEVICE_COUNT = 100
#: What RabbitMQ made of single MQTT messages at 14 000 a second: medians of 67 to 128.
CHUNK_MESSAGES = 100
_FEED_INTERVAL_S = 0.002
_MICRO = 1e6


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time for each message, microseconds, and messages in a commit."""

    process_us: float
    session_us: float
    commit_messages: float


class Feed:
    """Gives frames at a rate, as a reader of a stream does."""

    def __init__(self, frames: list[bytearray], rate: float) -> None:
        self._frames = frames
        self._rate = rate / CHUNK_MESSAGES
        self._given = 0
        self._started_s = time.perf_counter()

    async def next_chunk(self) -> Chunk:
        """Wait until the next one is due."""
        while self._given >= (time.perf_counter() - self._started_s) * self._rate:  # noqa: ASYNC110 - a rate
            await asyncio.sleep(_FEED_INTERVAL_S)
        if self._given == len(self._frames):
            await asyncio.Event().wait()
        self._given += 1
        return open_frame(self._frames[self._given - 1])

    @asynccontextmanager
    async def open(self, stream: str, offset: int) -> AsyncIterator["Feed"]:
        """Begin; there is one stream, and nothing of it was read."""
        del stream, offset
        self._started_s = time.perf_counter()
        yield self


def _frames(count: int, readings: int) -> list[bytearray]:
    start_us = to_us(SystemClock().now()) - 3_600_000_000
    made = batches(count, reading_count=readings, device_count=DEVICE_COUNT, start_us=start_us)
    stored = [as_stored(serial, body) for serial, body in made]
    return [_frame(at, stored[at : at + CHUNK_MESSAGES]) for at in range(0, count, CHUNK_MESSAGES)]


def _frame(first_offset: int, messages: list[bytes]) -> bytearray:
    entries = list(map(entry, messages))
    now_ms = to_us(SystemClock().now()) // 1_000
    return deliver_frame(entries, first_offset=first_offset, timestamp_ms=now_ms)


async def measure(postgres_url: str, frames: list[bytearray], rate: float) -> Cost:
    """Feed frames to a writer of a fresh database; the first round of devices is not counted."""
    count = sum(len(open_frame(frame).messages) for frame in frames)
    async with open_database(postgres_url, f"cost_{os.getpid()}") as url:
        await migrate(url)
        async with open_pool(url) as pool:
            await make_partitions_ahead(pool, SystemClock().now().date())
            store = PostgresCheckpointStore(pool)
            settings = Settings.from_env({"WEIR_POSTGRES_URL": url})
            feed = Feed(frames, rate)
            source = PartitionSource(feed.open, _at_zero, _at_zero, store, SystemClock())
            worker = PartitionWorker(Measurements(make_ports(settings, pool)), STREAM, source)
            before_s, commits = time.process_time(), await _commit_count(pool)
            async with running(worker.run()):
                while await store.next_offset("measurements", STREAM) < count:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            process_s = time.process_time() - before_s
            commits = await _commit_count(pool) - commits
            session_s = await _session_cpu_s(pool)
    per_message = _MICRO / count
    return Cost(process_s * per_message, session_s * per_message, count / max(commits, 1))


async def _at_zero(_: str) -> int:
    return 0


async def _commit_count(pool: asyncpg.Pool) -> int:
    await asyncio.sleep(1.1)  # what PostgreSQL counts, it tells once a second
    count: int = await pool.fetchval(
        "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
    )
    return count


async def _session_cpu_s(pool: asyncpg.Pool) -> float:
    pids = await pool.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    times = [psutil.Process(row["pid"]).cpu_times() for row in pids]
    return sum(each.user + each.system for each in times)


async def _main(arguments: argparse.Namespace) -> None:
    frames = _frames(arguments.rate * arguments.seconds, arguments.readings)
    collect_rarely()
    if arguments.pace is not None:
        Measurements.pace_s = arguments.pace / 1_000
    profile = cProfile.Profile() if arguments.profile else None
    costs = []
    with open_postgres(os.environ) as postgres_url:
        for _ in range(arguments.runs):
            if profile:
                profile.enable()
            costs.append(await measure(postgres_url, frames, arguments.rate))
            if profile:
                profile.disable()
    if profile:
        profile.dump_stats(arguments.profile)
    for name in ("process_us", "session_us", "commit_messages"):
        values = [getattr(cost, name) for cost in costs]
        runs = " ".join(f"{value:.1f}" for value in values)
        print(f"{name:16} {statistics.median(values):8.1f}   ({runs})")  # noqa: T201


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="python -m benchmarks.writer_cost")
    _parser.add_argument("--rate", type=int, default=12_000, help="messages a second")
    _parser.add_argument("--readings", type=int, default=1, help="readings in a message")
    _parser.add_argument("--seconds", type=int, default=8)
    _parser.add_argument("--pace", type=float, help="the writer's shortest, in milliseconds")
    _parser.add_argument("--runs", type=int, default=3)
    _parser.add_argument("--profile", help="write cProfile's statistics to this file")
    configure_logging("warning", "writer_cost")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main(_parser.parse_args()))
