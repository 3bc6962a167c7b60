"""What the rollups cost: beside a steady stream, and when old readings come in among the new."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil

from benchmarks.scenarios import STREAM, Figure, FreshSite, Shape, stream_load, writer
from benchmarks.servers import Site, Worker, worker
from weir.clock import SystemClock, to_us

BATCH_READINGS = 100
#: A hundred readings a second of each make the rate.
STEADY_DEVICES = 500
STEADY_READINGS_PER_S = STEADY_DEVICES * BATCH_READINGS
#: Two minutes end in it, whenever it starts.
STEADY_SECONDS = 130
FAST_BATCH_COUNT = 15_000
_IS_CLAIMED = """
    SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
                   WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
                     AND datname = current_database()
                     AND application_name = 'weir claims aggregates')
    """
_PORTS = "SELECT pid, client_port FROM pg_stat_activity WHERE client_port IS NOT NULL"


async def steady_cost(fresh: FreshSite) -> list[Figure]:
    """Processor time of the consumer and of its database sessions, against the writer's."""
    rate = STEADY_READINGS_PER_S // BATCH_READINGS
    shape = Shape("live", rate * STEADY_SECONDS, BATCH_READINGS, STEADY_DEVICES)
    async with fresh() as site, writer(site) as writing, _aggregates(site) as rolling_up:
        async with stream_load(site, shape, to_us(SystemClock().now()), rate) as load:
            before = [await _cpu_s(site, process) for process in (writing, rolling_up)]
            load.begin()
            await site.wait_for_offset(STREAM, shape.count)
            await load.result()
        after = [await _cpu_s(site, process) for process in (writing, rolling_up)]
        writer_s, rollups_s = (end - begin for begin, end in zip(before, after, strict=True))
        count = await site.pool.fetchval("SELECT count(*) FROM rollup_minute")
        for process in (writing, rolling_up):
            process.terminate()
        await writing.result()
        cost = await rolling_up.result()
    return [
        Figure(f"writer's CPU at {STEADY_READINGS_PER_S:,} readings/s", writer_s, "s"),
        Figure("aggregates' CPU beside it", rollups_s, "s"),
        Figure(
            "aggregates' share of the writer's",
            rollups_s / writer_s,
            "",
            target=0.25,
            is_limit=True,
        ),
        Figure("minutes rolled up", float(count), ""),
        Figure("aggregates' memory", cost["rss_mb_max"], "MB"),
    ]


async def late_readings(fresh: FreshSite) -> list[Figure]:
    """Ingest as fast as it goes, rollups beside it, without and with 1 % of any age."""
    rates = []
    for name in ("live", "late"):
        shape = Shape(name, FAST_BATCH_COUNT, BATCH_READINGS, STEADY_DEVICES)
        start_us = to_us(SystemClock().now()) - 3_600_000_000
        async with fresh() as site, writer(site) as writing, _aggregates(site) as rolling_up:
            async with stream_load(site, shape, start_us) as load:
                started = time.perf_counter()
                load.begin()
                await site.wait_for_offset(STREAM, shape.count)
                rates.append(shape.count * BATCH_READINGS / (time.perf_counter() - started))
                await load.result()
            for process in (writing, rolling_up):
                process.terminate()
                await process.result()
    in_order, with_late = rates
    return [
        Figure("in order, rollups beside it", in_order, "readings/s"),
        Figure("with 1 % of any age", with_late, "readings/s", in_order, 0.85),
    ]


@asynccontextmanager
async def _aggregates(site: Site) -> AsyncIterator[Worker]:
    """Run the consumer; it has its partition when the block begins, and its modules are loaded."""
    async with worker("benchmarks.writer", "aggregates", environ=site.environ) as process:
        while not await site.pool.fetchval(_IS_CLAIMED):  # noqa: ASYNC110 - another process claims
            await asyncio.sleep(0.05)
        yield process


async def _cpu_s(site: Site, process: Worker) -> float:
    """Give the processor time of a process, and of the database's sessions that it has now."""
    own = psutil.Process(process.pid)
    ports = {connection.laddr.port for connection in own.net_connections("inet")}
    rows = await site.pool.fetch(_PORTS)
    pids = [process.pid, *(row["pid"] for row in rows if row["client_port"] in ports)]
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)
