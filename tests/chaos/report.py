"""Show what runs came to: a table for people, JSON for programs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.run import Outcome

_COLUMNS = (
    "seed",
    "partitions",
    "attempted",
    "acknowledged",
    "stored",
    "lost",
    "duplicated",
    "poison",
    "dead letters",
    "faults",
    "recovered",
    "slowest",
    "took",
    "",
)


def print_table(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print one line for each run."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in _COLUMNS:
        table.add_column(title, justify="right")
    for outcome in outcomes:
        table.add_row(*_cells(outcome))
    if len(outcomes) > 1:
        table.add_section()
        table.add_row(*_totals(outcomes))
    console.print(table)
    console.print(verdict_line(outcomes), markup=False, highlight=False)


def verdict_line(outcomes: Sequence[Outcome]) -> str:
    """Say in a line whether all runs passed, and which did not."""
    failed = [str(outcome.shape.seed) for outcome in outcomes if not outcome.is_passed]
    if failed:
        return f"verdict: FAILED: seeds {', '.join(failed)} of {len(outcomes)}"
    return f"verdict: passed: {len(outcomes)} of {len(outcomes)} seeds"


def summary(outcome: Outcome) -> str:
    """Say in a line what a run came to."""
    verdict = outcome.verdict
    return (
        f"{'passed' if outcome.is_passed else 'FAILED'}: {verdict.stored} stored, "
        f"{verdict.lost} lost, {verdict.duplicated} duplicated"
    )


def replay_command(outcome: Outcome) -> str:
    """Give the command that runs the same seed again, and keeps what it leaves behind."""
    shape = outcome.shape
    return (
        f"python -m tests.chaos --seed {shape.seed} --readings {shape.reading_count}"
        f" --faults {shape.fault_count} --together {shape.together_max} --keep"
    )


def write_json(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write everything that is known of the runs."""
    path.write_text(json.dumps([_as_json(outcome) for outcome in outcomes], indent=1) + "\n")


def _cells(outcome: Outcome) -> list[str]:
    verdict = outcome.verdict
    recoveries = [i.recovery_s for i in outcome.injections if i.recovery_s is not None]
    return [
        str(outcome.shape.seed),
        str(outcome.partition_count),
        str(verdict.attempted),
        str(verdict.acknowledged),
        str(verdict.stored),
        str(verdict.lost),
        str(verdict.duplicated),
        str(verdict.poison),
        str(verdict.dead_letters),
        str(len(outcome.injections)),
        str(outcome.recovered_count),
        f"{max(recoveries, default=0.0):.1f} s",
        f"{outcome.took_s:.0f} s",
        "passed" if outcome.is_passed else "FAILED",
    ]


def _totals(outcomes: Sequence[Outcome]) -> list[str]:
    verdicts = [outcome.verdict for outcome in outcomes]
    slowest = [i.recovery_s for o in outcomes for i in o.injections if i.recovery_s is not None]
    sums = [
        sum(verdict.attempted for verdict in verdicts),
        sum(verdict.acknowledged for verdict in verdicts),
        sum(verdict.stored for verdict in verdicts),
        sum(verdict.lost for verdict in verdicts),
        sum(verdict.duplicated for verdict in verdicts),
        sum(verdict.poison for verdict in verdicts),
        sum(verdict.dead_letters for verdict in verdicts),
        sum(len(outcome.injections) for outcome in outcomes),
        sum(outcome.recovered_count for outcome in outcomes),
    ]
    took_s = sum(outcome.took_s for outcome in outcomes)
    passed_count = sum(outcome.is_passed for outcome in outcomes)
    return [
        "all",
        "",
        *map(str, sums),
        f"{max(slowest, default=0.0):.1f} s",
        f"{took_s:.0f} s",
        f"{passed_count} passed",
    ]


def _as_json(outcome: Outcome) -> dict[str, Any]:
    verdict = outcome.verdict
    return {
        "seed": outcome.shape.seed,
        "partitions": outcome.partition_count,
        "passed": outcome.is_passed,
        "attempted": verdict.attempted,
        "acknowledged": verdict.acknowledged,
        "stored": verdict.stored,
        "lost": verdict.lost,
        "duplicated": verdict.duplicated,
        "recovered": outcome.recovered_count,
        "poison": verdict.poison,
        "dead_letters": verdict.dead_letters,
        "rollups": verdict.rollups,
        "took_s": round(outcome.took_s, 1),
        "faults": [
            {
                "kind": injection.kind,
                "began_s": round(injection.began_s, 2),
                "recovery_s": None
                if injection.recovery_s is None
                else round(injection.recovery_s, 2),
            }
            for injection in outcome.injections
        ],
        "problems": verdict.problems,
    }
