"""What is measured: each scenario gives figures, with the ceiling of the same run where one is."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import ceilings
from benchmarks.messages import PERIOD_US
from benchmarks.probe import probe_waits_ms
from benchmarks.servers import BenchmarkError, Site, Worker, worker
from weir.clock import SystemClock, to_us
from weir.model.names import partition_streams
from weir.ports import Checkpoint
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.rabbitmq.stream_ends import end_offset

STREAM = partition_streams(1)[0]
BATCH_READINGS = 100
BATCH_COUNT = 20_000
BATCH_DEVICES = 1_000
SINGLE_COUNT = 120_000
SINGLE_TURNS = 3
PACED_READINGS_PER_S = 10_000
PACED_SECONDS = 8
FreshSite = Callable[[], AbstractAsyncContextManager[Site]]

POLL_COUNT = 10_000
POLL_FIELDS = 100


@dataclass(frozen=True)
class Shape:
    """`count` messages of `devices` devices in turn; `readings` in each of them."""

    name: str
    count: int
    readings: int
    devices: int


@dataclass(frozen=True)
class Figure:
    """One line of the table; `ratio` is against the ceiling, or the value itself against a limit.

    `target`: at least this ratio, or with `is_limit` at most this value. `runs`: the ratio of each
    run, or where there is no ceiling, the value.
    """

    name: str
    value: float
    unit: str
    ceiling: float | None = None
    target: float | None = None
    is_limit: bool = False
    runs: tuple[float, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Give the share of the ceiling."""
        return self.value / self.ceiling if self.ceiling else None

    @property
    def is_met(self) -> bool:
        """Whether the target is reached; true where there is none."""
        if self.target is None:
            return True
        if self.is_limit:
            return self.value <= self.target
        return (self.ratio or 0.0) >= self.target


@asynccontextmanager
async def writer(site: Site) -> AsyncIterator[Worker]:
    """Run a measurement writer for the time of the block; it has claimed its partition."""
    async with worker("benchmarks.writer", "measurements", environ=site.environ) as process:
        await _until_claimed(site)
        yield process


async def _until_claimed(site: Site) -> None:
    held = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    while not await site.pool.fetchval(held):  # noqa: ASYNC110 - another process claims
        await asyncio.sleep(0.05)


async def batches_of_100(fresh: FreshSite) -> list[Figure]:
    """100-reading batches, stream to stored and queryable, all on the same cores."""
    shape = Shape("batches", BATCH_COUNT, BATCH_READINGS, BATCH_DEVICES)
    async with fresh() as site:
        before = await ceilings.copy_rows_per_s(site, start_us(), series_count=BATCH_DEVICES)
        rate, cost = await _stream_rate(site, shape)
        after = await ceilings.copy_rows_per_s(site, start_us(), series_count=BATCH_DEVICES)
    ceiling = _ceiling(before, after)
    return [
        Figure("sorted binary COPY alone", ceiling, "readings/s"),
        Figure("100-reading batches, stored", rate, "readings/s", ceiling, 0.85),
        Figure("writer's memory", cost["rss_mb_max"], "MB", target=250.0, is_limit=True),
        Figure("writer's CPU", cost["cpu_s"] / BATCH_COUNT / BATCH_READINGS * 1e6, "us/reading"),
    ]


async def _stream_rate(site: Site, shape: Shape) -> tuple[float, dict[str, float]]:
    """Publish and store; one round of all devices enrols them before the clock starts."""
    warm = replace(shape, count=shape.devices)
    async with writer(site) as process:
        async with stream_load(site, warm, start_us() - 3_600_000_000) as load:
            load.begin()
            await load.result()
        await site.wait_for_offset(STREAM, warm.count)
        async with stream_load(site, shape, start_us()) as load:
            started = time.perf_counter()
            load.begin()
            await site.wait_for_offset(STREAM, warm.count + shape.count)
            elapsed_s = time.perf_counter() - started
            await load.result()
        process.terminate()
        cost = await process.result()
    await expect(site, (warm.count + shape.count) * shape.readings)
    return shape.count * shape.readings / elapsed_s, cost


@asynccontextmanager
async def stream_load(
    site: Site, shape: Shape, start_us: int, rate: int = 0
) -> AsyncIterator[Worker]:
    """Run a publisher for the time of the block; it waits to be told to begin.

    `rate`: messages a second; 0: as fast as possible.
    """
    numbers = (shape.count, shape.readings, shape.devices, start_us, rate)
    arguments = (site.broker.stream_url, STREAM, shape.name, *numbers)
    async with worker("benchmarks.stream_load", *arguments) as load:
        await load.wait_ready()
        yield load


def _ceiling(before: float, after: float) -> float:
    """Join what was measured before and after: what slows the machine down meets both."""
    return statistics.harmonic_mean((before, after))


def start_us() -> int:
    """Give an instant an hour ago, so that no reading is in the future."""
    return to_us(SystemClock().now()) - 3_600_000_000


async def single_readings(fresh: FreshSite) -> list[Figure]:
    """One reading in each MQTT QoS 1 message, end to end, against the broker alone.

    In turns: what a shared machine gives changes within a minute by more than what is measured.
    """
    alone, stored, cpu_s = [], [], 0.0
    async with fresh() as site:
        alone.append(await _single_ceiling(site, 0))
        for turn in range(SINGLE_TURNS):
            rate, cost = await _single_rate(site, 2 * turn + 1)
            stored.append(rate)
            cpu_s += cost
            alone.append(await _single_ceiling(site, 2 * turn + 2))
        await expect(site, SINGLE_TURNS * SINGLE_COUNT)
    ceiling, rate = statistics.harmonic_mean(alone), statistics.harmonic_mean(stored)
    return [
        Figure("MQTT to stream, broker alone", ceiling, "messages/s"),
        Figure("one reading a message, stored", rate, "messages/s", ceiling, 0.85),
        Figure("writer's CPU", cpu_s / SINGLE_TURNS / SINGLE_COUNT * 1e6, "us/message"),
    ]


def _portion_us(number: int) -> int:
    """Give when the readings of a portion start: no two have one of the same instant."""
    return start_us() + number * SINGLE_COUNT * PERIOD_US


async def _single_ceiling(site: Site, number: int) -> float:
    offset = await end_offset(site.broker.stream_url, STREAM)
    since_us = _portion_us(number)
    return await ceilings.mqtt_messages_per_s(site, STREAM, SINGLE_COUNT, since_us, offset=offset)


async def _single_rate(site: Site, number: int) -> tuple[float, float]:
    """Publish and store a portion: messages a second, and the writer's processor time in s."""
    offset = await end_offset(site.broker.stream_url, STREAM)
    # What was read for the ceiling is not stored.
    await PostgresCheckpointStore(site.pool).put(Checkpoint("measurements", STREAM, offset))
    arguments = (site.broker.mqtt_url, SINGLE_COUNT, _portion_us(number))
    async with worker("benchmarks.mqtt_load", *arguments) as load, writer(site) as process:
        await load.wait_ready()
        began_with_s = process.cpu_s
        started = time.perf_counter()
        load.begin()
        await site.wait_for_offset(STREAM, offset + SINGLE_COUNT)
        elapsed_s = time.perf_counter() - started
        cpu_s = process.cpu_s - began_with_s
        await load.result()
        # Offsets may have been left out, so the last messages may be behind that one.
        await site.wait_for_offset(STREAM, await end_offset(site.broker.stream_url, STREAM))
        process.terminate()
        await process.result()
    return SINGLE_COUNT / elapsed_s, cpu_s


async def latency(fresh: FreshSite) -> list[Figure]:
    """From publish to queryable beside a steady 10 000 readings/s in batches of 10.

    Probes are published one at a time and asked for until a query finds them, every millisecond.
    """
    rate = PACED_READINGS_PER_S // 10
    shape = Shape("batches", rate * PACED_SECONDS, 10, 100)
    async with fresh() as site, writer(site) as process:
        async with stream_load(site, shape, start_us(), rate) as load:
            load.begin()
            waits_ms = await probe_waits_ms(site, STREAM, seconds=PACED_SECONDS - 1)
            await load.result()
        process.terminate()
        await process.result()
    p50, p99 = (float(np.percentile(waits_ms, share)) for share in (50, 99))
    return [
        Figure("publish to queryable, p50", p50, "ms"),
        Figure("publish to queryable, p99", p99, "ms", target=50.0, is_limit=True),
    ]


async def few_and_many_series(fresh: FreshSite) -> list[Figure]:
    """Polls of 100 fields: 100 000 series against 1 000 series, as many readings."""
    async with fresh() as site:
        few, _ = await _stream_rate(site, Shape("polls", POLL_COUNT, POLL_FIELDS, 10))
    async with fresh() as site:
        many, _ = await _stream_rate(site, Shape("polls", POLL_COUNT, POLL_FIELDS, 1_000))
    return [
        Figure("polls of 1 000 series", few, "readings/s"),
        Figure("polls of 100 000 series", many, "readings/s", few, 0.7),
    ]


async def expect(site: Site, count: int) -> None:
    """Check that every reading was stored: a fast writer that loses some is no figure.

    Raises:
        BenchmarkError: the number is another one.
    """
    stored = await site.pool.fetchval(
        "SELECT count(*) FROM reading WHERE series_id < $1", ceilings.SERIES_ID_MIN
    )
    if stored != count:
        raise BenchmarkError(f"{stored} readings are stored, {count} were published")
