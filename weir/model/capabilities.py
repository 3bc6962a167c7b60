"""What a device declares that it can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CommandDescription:
    """A command that a device carries out.

    `parameters_schema`: a JSON Schema (draft 2020-12); empty: any parameters.
    """

    name: str
    description: str = ""
    parameters_schema: Schema = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Everything beside measuring.

    Attributes:
        commands: what it carries out; none: the built-in ones.
        writable: names of the fields that the command `set` can write, in their order.
        configuration_schema: of the configuration that it takes; None: it takes none.
        report_interval_ms: the longest time between two messages while all is well; 0: unknown.
    """

    commands: tuple[CommandDescription, ...] = ()
    writable: tuple[str, ...] = ()
    configuration_schema: Schema | None = None
    report_interval_ms: int = 0
