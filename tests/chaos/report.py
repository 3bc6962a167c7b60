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
    console.print(table)


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
