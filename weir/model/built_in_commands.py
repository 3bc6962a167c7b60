"""The commands that every device may know, and the parameters that they take."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from weir.model.capabilities import CommandDescription
from weir.model.limits import FIELD_NAME_PATTERN, SAMPLE_RATE_HZ_MAX, TEXT_LENGTH_MAX

#: A device that is told to sleep wakes up by itself after a month at the latest.
SLEEP_S_MAX = 31 * 86_400.0
REBOOT_DELAY_S_MAX = 3_600.0

Value = bool | int | float | Annotated[str, Field(max_length=TEXT_LENGTH_MAX)]


class Parameters(BaseModel):
    """What a command can be told; unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Sleep(Parameters):
    """Stop measuring, until `awake` or until the time is over."""

    duration_s: float | None = Field(
        None, gt=0, le=SLEEP_S_MAX, description="seconds until it wakes up by itself; absent: never"
    )


class Awake(Parameters):
    """Measure again."""


class ChangeSampleFrequency(Parameters):
    """Take another number of samples a second."""

    frequency_hz: float = Field(
        gt=0, le=SAMPLE_RATE_HZ_MAX, allow_inf_nan=False, description="samples a second"
    )


class Ping(Parameters):
    """Answer, and do nothing else."""


class Reboot(Parameters):
    """Start anew."""

    delay_s: float = Field(0.0, ge=0, le=REBOOT_DELAY_S_MAX, description="seconds until then")


class SetField(Parameters):
    """Write a field that the device declares writable."""

    field: str = Field(pattern=f"^{FIELD_NAME_PATTERN}$", description="name of the field")
    value: Value = Field(description="what it becomes")


#: By the names that are on the wire.
BUILT_IN: dict[str, type[Parameters]] = {
    "sleep": Sleep,
    "awake": Awake,
    "change_sample_frequency": ChangeSampleFrequency,
    "ping": Ping,
    "reboot": Reboot,
    "set": SetField,
}


def built_in(name: str) -> CommandDescription:
    """Describe a built-in command as a device declares it; `KeyError` when there is none."""
    return describe(name, BUILT_IN[name])


def describe(name: str, parameters: type[BaseModel]) -> CommandDescription:
    """Describe a command by the model of its parameters, whose docstring is the description."""
    schema: dict[str, Any] = parameters.model_json_schema()
    purpose = (schema.pop("description", "") or "").partition("\n")[0]
    schema.pop("title", None)
    return CommandDescription(name, purpose, schema)
