"""Write at half of what the database can take, for minutes: memory and lag must stay flat.

    python -m benchmarks.soak [--minutes 10] [--share 0.5] [--json FILE]

The ceiling is sorted binary COPY, measured just before. Once a second the writer's memory is
sampled, and its lag: how long ago what it has committed was due to be published.

Flat means, by the medians of the thirds of the run, that the last is hardly above the higher one of
the others. What grows for as long as the writer runs shows there. A neighbour on the machine does
not, unless it is busy for half of the last third and not before. Slopes are printed beside it, with
their intervals. Exit code 0: flat, 1: not, 2: the run failed.
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
from benchmarks.trend import Thirds, Trend, fit, thirds
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.testing.servers import open_broker, open_postgres

#: Until caches are full, connections are warm and the allocator has what it wants.
WARM_UP_SHARE = 0.1
SAMPLE_INTERVAL_S = 1.0
#: Rises that still are flat. Neighbouring thirds are three minutes apart: at the first bound the
#: writer doubles in an hour.
MEMORY_RISE_MB_MAX = 4.5
#: A lag wanders with its level, so a part of that is allowed beside a twentieth of a second. What
#: falls behind by one reading in a thousand lags by 180 ms more after three minutes.
LAG_RISE_MS_MAX = 50.0
LAG_RISE_SHARE_MAX = 0.25
MEMORY_MB_MAX = 250.0
EXIT_FAILED = 2


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
    def memory_thirds(self) -> Thirds:
        """MB of each third."""
        return thirds([sample.memory_mb for sample in self.steady])

    @property
    def lag_thirds(self) -> Thirds:
        """Milliseconds of each third."""
        return thirds([sample.lag_ms for sample in self.steady])

    @property
    def lag_rise_ms_max(self) -> float:
        """The rise of the lag that still is flat, at the level that it has."""
        level_ms = max(self.lag_thirds.first, self.lag_thirds.middle)
        return LAG_RISE_MS_MAX + LAG_RISE_SHARE_MAX * level_ms

    @property
    def memory_mb_max(self) -> float:
        """The most that the writer ever had."""
        return max(sample.memory_mb for sample in self.samples)

    @property
    def is_flat(self) -> bool:
        """Whether neither rises by more than its bound, and memory is below its own."""
        return (
            self.memory_thirds.rise <= MEMORY_RISE_MB_MAX
            and self.lag_thirds.rise <= self.lag_rise_ms_max
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
    headers = ("thirds", "rise", "flat up to", "flat", "a minute", "95 % interval")
    for header in headers:
        table.add_column(header, justify="right")
    for name, of_thirds, bound, trend in (
        ("memory, MB", result.memory_thirds, MEMORY_RISE_MB_MAX, result.memory),
        ("lag, ms", result.lag_thirds, result.lag_rise_ms_max, result.lag),
    ):
        table.add_row(
            name,
            f"{of_thirds.first:.1f}  {of_thirds.middle:.1f}  {of_thirds.last:.1f}",
            f"{of_thirds.rise:+.1f}",
            f"{bound:+.1f}",
            "yes" if of_thirds.rise <= bound else "NO",
            f"{trend.slope:+.2f}",
            f"{trend.slope_min:+.2f} to {trend.slope_max:+.2f}",
        )
    console.print(table)
    console.print(f"most memory: {result.memory_mb_max:.0f} MB, at most {MEMORY_MB_MAX:.0f} MB")
    console.print("verdict: flat" if result.is_flat else "verdict: NOT flat")


def main() -> None:
    """Run, print, write."""
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
    except (BenchmarkError, OSError) as error:
        console.print(f"error: {error}", markup=False)
        sys.exit(EXIT_FAILED)
    console.print(servers)
    print_report(console, result)
    if arguments.json:
        report = {
            "machine": asdict(machine),
            "servers": servers,
            **asdict(result),
            "memory": asdict(result.memory),
            "lag": asdict(result.lag),
            "memory_thirds": asdict(result.memory_thirds),
            "lag_thirds": asdict(result.lag_thirds),
            "flat": result.is_flat,
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
