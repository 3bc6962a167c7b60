"""Figures of several runs joined, and shown as a table."""

import statistics
from dataclasses import replace

from rich.table import Table

from benchmarks.scenarios import Figure


def median(runs: list[list[Figure]]) -> list[Figure]:
    """Join the runs of one scenario: medians of values and of ratios, figure by figure."""
    joined: list[Figure] = []
    for figures in zip(*runs, strict=True):
        value = statistics.median(figure.value for figure in figures)
        ratios = [figure.ratio for figure in figures if figure.ratio]
        # A median ratio and a median value may come from different runs: the ratio is what counts.
        ceiling = value / statistics.median(ratios) if ratios else None
        runs_of_it = tuple(figure.ratio or figure.value for figure in figures)
        joined.append(replace(figures[0], value=value, ceiling=ceiling, runs=runs_of_it))
    return joined


def table(figures: list[Figure], title: str) -> Table:
    """Lay figures out for a terminal."""
    laid_out = Table(title=title, title_justify="left")
    laid_out.add_column("what")
    for header in ("figure", "unit", "of the ceiling", "runs", "target", "met"):
        laid_out.add_column(header, justify="right")
    for figure in figures:
        target = (
            ""
            if figure.target is None
            else f"{'<=' if figure.is_limit else '>='} {figure.target:g}"
        )
        laid_out.add_row(
            figure.name,
            _number(figure.value),
            figure.unit,
            f"{figure.ratio:.2f}" if figure.ratio else "",
            _range(figure.runs),
            target,
            ("yes" if figure.is_met else "NO") if target else "",
        )
    return laid_out


def _range(runs: tuple[float, ...]) -> str:
    return f"{_number(min(runs))} to {_number(max(runs))}" if len(runs) > 1 else ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"  # noqa: PLR2004
