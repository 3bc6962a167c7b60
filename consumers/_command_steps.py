"""Counts the steps of commands, for whoever watches."""

from weir import metrics
from weir.command_port import StepCounts

#: What the name of each event of a command begins with.
_PREFIX = "command_"


def count_steps(counts: StepCounts) -> None:
    """Add what was journalled to the metrics."""
    for type_, count in counts.items():
        metrics.COMMANDS.labels(type_.removeprefix(_PREFIX)).inc(count)
