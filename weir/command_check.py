"""Whether a device takes a command: what it declares, and what the parameters must be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from weir.declared_schema import SchemaProblem, problems_of
from weir.events.device import DescribedCapabilities
from weir.model.built_in_commands import BUILT_IN, built_in
from weir.model.capabilities import CommandDescription

_SET = "set"


@dataclass(frozen=True, slots=True)
class WrongCommand:
    """Why a device does not take a command: `problems` are those of its parameters."""

    message: str
    problems: tuple[SchemaProblem, ...] = field(default=())


def offered(capabilities: DescribedCapabilities) -> dict[str, CommandDescription]:
    """Name the commands that a device takes; one that declares none takes the built-in ones."""
    declared = {
        command.name: CommandDescription(
            command.name, command.description, command.parameters_schema
        )
        for command in capabilities.commands
    }
    if not declared:
        return {name: built_in(name) for name in BUILT_IN}
    if capabilities.writable and _SET not in declared:
        declared[_SET] = built_in(_SET)
    return declared


def check_command(
    capabilities: DescribedCapabilities, command: str, parameters: Mapping[str, Any]
) -> WrongCommand | None:
    """Tell why a device with these capabilities does not take a command; None: it does."""
    commands = offered(capabilities)
    description = commands.get(command)
    if description is None:
        names = ", ".join(sorted(commands))
        return WrongCommand(f"the device knows no command {command!r}; it knows: {names}")
    problems = problems_of(dict(parameters), description.parameters_schema)
    if command == _SET and not problems:
        problems = _check_writable(capabilities, parameters.get("field"))
    if problems:
        told = "; ".join(map(str, problems))
        return WrongCommand(f"parameters of {command}: {told}", tuple(problems))
    return None


def _check_writable(capabilities: DescribedCapabilities, name: Any) -> list[SchemaProblem]:
    if name in capabilities.writable:
        return []
    if not capabilities.writable:
        return [SchemaProblem("field", "the device declares no field that can be written")]
    names = ", ".join(capabilities.writable)
    return [SchemaProblem("field", f"{name!r} cannot be written; what can be is: {names}")]
