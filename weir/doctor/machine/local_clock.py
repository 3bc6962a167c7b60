"""Whether the clock of this machine agrees with that of the gateway."""

from collections.abc import Sequence

from weir.doctor.finding import Finding, skipped
from weir.doctor.machine_view import Machine
from weir.doctor.skew import judge_skew


async def check(machine: Machine) -> Sequence[Finding]:
    """Compare with when the gateway has answered, by its clock."""
    if machine.gateway_time is None:
        return [skipped("gateway clock", "it was not asked for the time")]
    return [judge_skew("gateway clock", machine.gateway_time - machine.now)]
