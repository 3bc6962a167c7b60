"""Shoot at the whole pipeline, and count.

    python -m tests.chaos --seed 7 [--seeds 10] [--readings 130000] [--faults 33] [--keep]

Exit code 1 when a reading was lost or duplicated, or when anything else is not as it must be.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from tests.chaos.report import print_table, replay_command, summary, write_json
from tests.chaos.run import Progress, run
from tests.chaos.world import Shape, World

#: A killed publisher gives up a part of what was on its way: more than 100 000 are left.
_READING_COUNT = 130_000
_FAULT_COUNT = 33


def _progress(console: Console) -> Progress:
    shown_count = 0
    shown_of: World | None = None

    def progress(world: World) -> None:
        nonlocal shown_count, shown_of
        if world is not shown_of:
            shown_of, shown_count = world, 0
        for note in world.notes[shown_count:]:
            console.print(f"seed {world.shape.seed}  {note}", markup=False, highlight=False)
        shown_count = len(world.notes)

    return progress


def main() -> int:
    """Run the seeds that were asked for, one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, from the first on")
    parser.add_argument("--readings", type=int, default=_READING_COUNT)
    parser.add_argument("--faults", type=int, default=_FAULT_COUNT)
    parser.add_argument("--together", type=int, default=2, help="faults at once, at most")
    parser.add_argument("--json", type=Path, help="write everything that is known there")
    parser.add_argument("--keep", action="store_true", help="keep data, logs and accounts")
    options = parser.parse_args()
    console = Console(stderr=True)
    outcomes = []
    for seed in range(options.seed, options.seed + options.seeds):
        wanted = Shape(seed, options.readings, options.faults, options.together)
        outcome = asyncio.run(run(wanted, _progress(console), keeps=options.keep))
        outcomes.append(outcome)
        console.print(f"seed {seed}  {summary(outcome)}", markup=False, soft_wrap=True)
        if not outcome.is_passed:
            console.print(f"replay: {replay_command(outcome)}", markup=False, soft_wrap=True)
        for problem in outcome.verdict.problems:
            console.print(f"seed {seed}: {problem}", markup=False, soft_wrap=True)
    # A pipe has no width: nothing is cut or wrapped there.
    print_table(Console(width=None if sys.stdout.isatty() else 200), outcomes)
    if options.json:
        write_json(options.json, outcomes)
    return 0 if all(outcome.is_passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
