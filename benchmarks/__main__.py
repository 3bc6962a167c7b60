"""Measure, print a table, and write JSON.

    python -m benchmarks [--json FILE] [--only NAME] [--runs N]

Every figure that has a ceiling is measured in the same run as its ceiling, on private servers. The
table shows medians over the runs; quote the ratios, not the absolute figures. Exit code 0: every
target is met, 1: one is missed, 2: a scenario failed.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks import aggregates, scenarios
from benchmarks.machine import describe_machine, describe_servers
from benchmarks.scenarios import Figure, FreshSite
from benchmarks.servers import BenchmarkError, open_site
from benchmarks.tables import median, table
from weir.testing.servers import open_broker, open_postgres

EXIT_MISSED, EXIT_FAILED = 1, 2
SCENARIOS: dict[str, Callable[[FreshSite], Awaitable[list[Figure]]]] = {
    "batches": scenarios.batches_of_100,
    "singles": scenarios.single_readings,
    "latency": scenarios.latency,
    "series": scenarios.few_and_many_series,
    "aggregates": aggregates.steady_cost,
    "late": aggregates.late_readings,
}


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured; `failures`: what kept a scenario from its end, a sentence each."""

    servers: str
    figures: list[Figure]
    failures: list[str]

    @property
    def verdict(self) -> str:
        """Say in a line how it went."""
        missed = [figure.name for figure in self.figures if not figure.is_met]
        if self.failures:
            return f"verdict: FAILED: {'; '.join(self.failures)}"
        if missed:
            return f"verdict: targets missed: {', '.join(missed)}"
        return "verdict: all targets met"

    @property
    def exit_code(self) -> int:
        """Give what the command ends with."""
        if self.failures:
            return EXIT_FAILED
        return 0 if all(figure.is_met for figure in self.figures) else EXIT_MISSED


async def _measure(names: list[str], run_count: int, console: Console) -> Report:
    figures: list[Figure] = []
    failures = []
    with open_broker(os.environ) as broker, open_postgres(os.environ) as postgres_url:
        servers = await describe_servers(broker, postgres_url)
        console.print(servers)
        for name in names:
            runs = []
            for number in range(run_count):
                console.print(f"[dim]{name}: run {number + 1} of {run_count}[/dim]")
                try:
                    runs.append(await SCENARIOS[name](partial(open_site, broker, postgres_url)))
                except (BenchmarkError, OSError) as error:
                    # The other scenarios are worth knowing all the same.
                    failures.append(f"{name}, run {number + 1}: {error!r}")
            figures += median(runs)
    return Report(servers, figures, failures)


def main() -> None:
    """Run the scenarios that were asked for, print, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--only", choices=sorted(SCENARIOS), action="append")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    # A pipe has no width: nothing is cut or wrapped there.
    console = Console(width=None if sys.stdout.isatty() else 140)
    machine = describe_machine()
    console.print(machine.sentence)
    names = arguments.only or list(SCENARIOS)
    report = asyncio.run(_measure(names, arguments.runs, console))
    console.print(table(report.figures, f"medians of {arguments.runs} runs"))
    console.print(report.verdict, markup=False, highlight=False)
    if arguments.json:
        written = {
            "machine": asdict(machine),
            "servers": report.servers,
            "figures": [{**asdict(figure), "ratio": figure.ratio} for figure in report.figures],
            "failures": report.failures,
        }
        arguments.json.write_text(json.dumps(written, indent=2) + "\n")
    sys.exit(report.exit_code)


if __name__ == "__main__":
    main()
