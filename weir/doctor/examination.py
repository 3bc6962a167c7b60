"""Examines an installation: all checks that the gateway can make, at once."""

from dataclasses import dataclass

from weir.clock import Clock
from weir.config import Settings
from weir.doctor.finding import Finding
from weir.doctor.running import modules, run_checks
from weir.postgres.pool import Pool


@dataclass(frozen=True, slots=True)
class Installation:
    """What the checks of an installation look at; what its settings do not have, they skip."""

    settings: Settings
    pool: Pool
    clock: Clock


async def examine(installation: Installation) -> list[Finding]:
    """Run every check of an installation, by name."""
    return await run_checks(modules("weir.doctor.installation"), installation)
