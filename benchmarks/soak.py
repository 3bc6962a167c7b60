"""Write at half of what the database can take, for minutes: memory and lag must stay flat.

    python -m benchmarks.soak [--minutes 10] [--share 0.5] [--json FILE]

The ceiling is sorted binary COPY, measured just before. Once a second the writer's memory is
sampled, and its lag: how long ago what it has committed was due to be published. Exit code 1 when
one of them is not shown to be flat.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import ceilings, scenarios
from benchmarks.machine import describe_machine, describe_servers
from benchmarks.scenarios import BATCH_DEVICES, BATCH_READINGS, STREAM, Shape
from benchmarks.servers import BenchmarkError, Site, open_site
from benchmarks.trend import Trend, fit
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.testing.servers import open_broker, open_postgres

#: Until caches are full, connections are warm and the allocator has what it wants.
WARM_UP_SHARE = 0.1
SAMPLE_INTERVAL_S = 1.0
#: Bounds of what is flat: at the first the writer doubles in more than two hours and a half, at
#: the second the lag grows by a second in more than three hours.
MEMORY_SLOPE_MB_PER_MIN_MAX = 0.75
LAG_SLOPE_MS_PER_MIN_MAX = 5.0
MEMORY_MB_MAX = 250.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What the writer was like at one moment, `at_s` after the first publish."""

    at_s: float
    memory_mb: float
    lag_ms: float


@dataclass(frozen=True, slots=True)
class Soak:
    """A run: what was asked for, and everything that was seen."""

    minutes: float
    ceiling: float
    rate: float
    samples: Sequence[Sample]

    @property
    def steady(self) -> Sequence[Sample]:
        """The samples after warming up."""
        return self.samples[int(len(self.samples) * WARM_UP_SHARE) :]

    @property
    def memory(self) -> Trend:
        """MB, and MB a minute."""
        return fit([(sample.at_s, sample.memory_mb) for sample in self.steady])

    @property
    def lag(self) -> Trend:
        """Milliseconds, and milliseconds a minute."""
        return fit([(sample.at_s, sample.lag_ms) for sample in self.steady])

    @property
    def memory_mb_max(self) -> float:
        """The most that the writer ever had."""
        return max(sample.memory_mb for sample in self.samples)

    @property
    def is_flat(self) -> bool:
        """Whether both are shown to be flat, and memory is below its bound."""
        return (
            self.memory.is_flat(MEMORY_SLOPE_MB_PER_MIN_MAX)
            and self.lag.is_flat(LAG_SLOPE_MS_PER_MIN_MAX)
            and self.memory_mb_max <= MEMORY_MB_MAX
        )


async def soak(site: Site, minutes: float, share: float) -> Soak:
    """Publish and store at `share` of the ceiling, and watch.

    Raises:
        BenchmarkError: not everything was stored.
    """
    start_us = scenarios.start_us()
    ceiling = await ceilings.copy_rows_per_s(site, start_us, series_count=BATCH_DEVICES)
    rate = int(ceiling * share / BATCH_READINGS)
    shape = Shape("batches", int(rate * minutes * 60), BATCH_READINGS, BATCH_DEVICES)
    async with scenarios.writer(site) as writer:
        async with scenarios.stream_load(site, shape, start_us, rate) as load:
            load.begin()
            samples = await _watch(site, psutil.Process(writer.pid), rate, minutes * 60)
            await load.result()
        await site.wait_for_offset(STREAM, shape.count)
        writer.terminate()
        await writer.result()
    await scenarios.expect(site, shape.count * BATCH_READINGS)
    return Soak(minutes, ceiling, rate * BATCH_READINGS, samples)


async def _watch(site: Site, writer: psutil.Process, rate: int, seconds: float) -> Sequence[Sample]:
    checkpoints = PostgresCheckpointStore(site.pool)
    samples: list[Sample] = []
    began_at = time.monotonic()
    while (at_s := time.monotonic() - began_at) < seconds:
        committed = await checkpoints.next_offset("measurements", STREAM)
        memory_mb = writer.memory_info().rss / 1024**2
        samples.append(Sample(at_s, memory_mb, max(0.0, at_s - committed / rate) * 1e3))
        await asyncio.sleep(SAMPLE_INTERVAL_S)
    return samples


def print_report(console: Console, result: Soak) -> None:
    """Print what was found as a table."""
    console.print(
        f"{result.minutes:g} minutes at {result.rate:,.0f} readings/s, "
        f"{result.rate / result.ceiling:.2f} of the COPY ceiling of {result.ceiling:,.0f}"
    )
    table = Table()
    table.add_column("of the writer")
    for header in ("median", "a minute", "95 % interval", "flat up to", "flat"):
        table.add_column(header, justify="right")
    for name, unit, trend, bound in (
        ("memory", "MB", result.memory, MEMORY_SLOPE_MB_PER_MIN_MAX),
        ("lag", "ms", result.lag, LAG_SLOPE_MS_PER_MIN_MAX),
    ):
        table.add_row(
            f"{name}, {unit}",
            f"{trend.level:.1f}",
            f"{trend.slope:+.2f}",
            f"{trend.slope_min:+.2f} to {trend.slope_max:+.2f}",
            f"{bound:+.2f}",
            "yes" if trend.is_flat(bound) else "NO",
        )
    console.print(table)
    console.print(f"most memory: {result.memory_mb_max:.0f} MB, at most {MEMORY_MB_MAX:.0f} MB")


def main() -> None:
    """Run, print, write; exit code 1 when not flat."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--share", type=float, default=0.5, help="of the COPY ceiling")
    parser.add_argument("--json", type=Path, help="write the samples and the trends here")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 120)
    machine = describe_machine()
    console.print(machine.sentence)
    try:
        servers, result = asyncio.run(_run(arguments.minutes, arguments.share))
    except BenchmarkError as error:
        sys.exit(f"error: {error}")
    console.print(servers)
    print_report(console, result)
    if arguments.json:
        report = {
            "machine": asdict(machine),
            "servers": servers,
            **asdict(result),
            "memory": asdict(result.memory),
            "lag": asdict(result.lag),
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    sys.exit(0 if result.is_flat else 1)


async def _run(minutes: float, share: float) -> tuple[str, Soak]:
    with open_broker(os.environ) as broker, open_postgres(os.environ) as postgres_url:
        servers = await describe_servers(broker, postgres_url)
        async with open_site(broker, postgres_url) as site:
            return servers, await soak(site, minutes, share)


if __name__ == "__main__":
    main()
