"""Measure, print a table, and write JSON.

    python -m benchmarks [--json FILE] [--only NAME] [--runs N]

Every figure that has a ceiling is measured in the same run as its ceiling, on private servers. The
table shows medians over the runs; quote the ratios, not the absolute figures.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import aggregates, scenarios
from benchmarks.machine import describe_machine, describe_servers
from benchmarks.scenarios import Figure, FreshSite
from benchmarks.servers import open_site
from weir.testing.servers import open_broker, open_postgres

SCENARIOS: dict[str, Callable[[FreshSite], Awaitable[list[Figure]]]] = {
    "batches": scenarios.batches_of_100,
    "singles": scenarios.single_readings,
    "latency": scenarios.latency,
    "series": scenarios.few_and_many_series,
    "aggregates": aggregates.steady_cost,
    "late": aggregates.late_readings,
}


def median(runs: list[list[Figure]]) -> list[Figure]:
    """Join the runs of one scenario: medians of values and of ratios, figure by figure."""
    joined = []
    for figures in zip(*runs, strict=True):
        value = statistics.median(figure.value for figure in figures)
        ratios = [figure.ratio for figure in figures if figure.ratio]
        # A median ratio and a median value may come from different runs: the ratio is what counts.
        ceiling = value / statistics.median(ratios) if ratios else None
        runs_of_it = tuple(figure.ratio or figure.value for figure in figures)
        joined.append(replace(figures[0], value=value, ceiling=ceiling, runs=runs_of_it))
    return joined


async def _measure(names: list[str], run_count: int, console: Console) -> tuple[str, list[Figure]]:
    figures = []
    with open_broker(os.environ) as broker, open_postgres(os.environ) as postgres_url:
        servers = await describe_servers(broker, postgres_url)
        console.print(servers)
        for name in names:
            runs = []
            for number in range(run_count):
                console.print(f"[dim]{name}: run {number + 1} of {run_count}[/dim]")
                runs.append(await SCENARIOS[name](partial(open_site, broker, postgres_url)))
            figures += median(runs)
    return servers, figures


def _table(figures: list[Figure], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    for header in ("figure", "unit", "of the ceiling", "runs", "target", "met"):
        table.add_column(header, justify="right")
    for figure in figures:
        target = (
            ""
            if figure.target is None
            else f"{'<=' if figure.is_limit else '>='} {figure.target:g}"
        )
        table.add_row(
            figure.name,
            _number(figure.value),
            figure.unit,
            f"{figure.ratio:.2f}" if figure.ratio else "",
            _range(figure.runs),
            target,
            ("yes" if figure.is_met else "NO") if target else "",
        )
    return table


def _range(runs: tuple[float, ...]) -> str:
    return f"{_number(min(runs))} to {_number(max(runs))}" if len(runs) > 1 else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004


def main() -> None:
    """Run the scenarios that were asked for; exit code 1 when a target is missed."""
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
    servers, figures = asyncio.run(_measure(names, arguments.runs, console))
    console.print(_table(figures, f"medians of {arguments.runs} runs"))
    if arguments.json:
        report = {
            "machine": asdict(machine),
            "servers": servers,
            "figures": [{**asdict(figure), "ratio": figure.ratio} for figure in figures],
        }
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    sys.exit(0 if all(figure.is_met for figure in figures) else 1)


if __name__ == "__main__":
    main()
