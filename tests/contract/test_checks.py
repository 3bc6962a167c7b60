"""What every check of `iotctl doctor` promises; a new file is tested without a word here."""

import inspect
from pathlib import Path
from types import ModuleType

import pytest

from weir.config import Settings
from weir.doctor.examination import Installation
from weir.doctor.finding import State
from weir.doctor.machine_view import Machine
from weir.doctor.running import modules, run_checks
from weir.postgres.pool import open_pool
from weir.testing.clock import START, ManualClock

INSTALLATION = modules("weir.doctor.installation")
MACHINE = modules("weir.doctor.machine")
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"

every_check = pytest.mark.parametrize(
    "module", [*INSTALLATION, *MACHINE], ids=lambda module: module.__name__
)


@every_check
def test_it_says_what_it_looks_at(module: ModuleType) -> None:
    for thing in (module, module.check):
        assert (inspect.getdoc(thing) or "").partition("\n")[0].endswith("."), thing


@every_check
def test_it_looks_without_blocking(module: ModuleType) -> None:
    assert inspect.iscoroutinefunction(module.check)


def test_no_two_have_one_name() -> None:
    names = [module.__name__.rpartition(".")[2] for module in (*INSTALLATION, *MACHINE)]
    assert sorted(set(names)) == sorted(names)


async def test_what_cannot_be_looked_at_is_told_and_mended_with_something() -> None:
    async with open_pool(NOWHERE) as pool:
        found = await run_checks(INSTALLATION, Installation(Settings(), pool, ManualClock()))
    found += await run_checks(MACHINE, Machine(Path("/nowhere"), START))
    assert {module.__name__.rpartition(".")[2] for module in (*INSTALLATION, *MACHINE)} == {
        finding.check for finding in found
    }
    for finding in found:
        assert finding.subject
        assert finding.message
        needs_remedy = finding.state in {State.WARNING, State.FAILURE}
        assert needs_remedy == bool(finding.remedy), finding
