"""Runs all checks of a folder at once, each within its time, and gives what they have found."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from weir.doctor.finding import Finding, failure
from weir.errors import WeirError
from weir.registry import names

#: Several times what the slowest takes: a broker that is away is given up after ten seconds.
CHECK_TIMEOUT_S = 20.0
_LOOK = "iotctl status, and the logs of the services"


def modules(package: str) -> list[ModuleType]:
    """Find the checks of a folder."""
    return [importlib.import_module(f"{package}.{name}") for name in sorted(names(package))]


async def run_checks(
    checks: Sequence[ModuleType], world: Any, timeout_s: float = CHECK_TIMEOUT_S
) -> list[Finding]:
    """Run checks together; one that cannot look is a finding of its own."""
    found = await asyncio.gather(*(_run(module, world, timeout_s) for module in checks))
    return [finding for findings in found for finding in findings]


async def _run(module: ModuleType, world: Any, timeout_s: float) -> list[Finding]:
    name = module.__name__.rpartition(".")[2]
    check: Callable[[Any], Awaitable[Sequence[Finding]]] = module.check
    try:
        async with asyncio.timeout(timeout_s):
            found = await check(world)
    except TimeoutError:
        found = [failure(name, f"no answer within {timeout_s:g} s", _LOOK)]
    except WeirError as error:
        found = [failure(name, f"could not be looked at: {error}", _LOOK)]
    return [replace(finding, check=name) for finding in found]
