"""Announcements in JSON."""

from typing import Annotated, Any, Literal

from pydantic import FailFast, Field

from weir.codec.json_forms.form import Envelope, Form, parse_body, take_form
from weir.codec.json_forms.times import Time
from weir.codec.json_forms.values import FieldName, Unit
from weir.codec.json_text import compact_json
from weir.codec.registry import KIND_NUMBERS, announcement_from
from weir.model.announcement import Announcement, Kind
from weir.model.limits import (
    COMMAND_COUNT_MAX,
    COMMAND_NAME_PATTERN,
    DESCRIPTION_LENGTH_MAX,
    FIELD_COUNT_MAX,
    FIRMWARE_LENGTH_MAX,
    MODEL_LENGTH_MAX,
    REPORT_INTERVAL_MS_MAX,
    SAMPLE_RATE_HZ_MAX,
)
from weir.telemetry.v1 import registry_pb2 as wire


class DescribedField(Form):
    """One field that a device measures."""

    name: FieldName
    unit: Unit = ""
    description: str = Field(
        default="", max_length=DESCRIPTION_LENGTH_MAX, description="For people."
    )
    kind: Literal["gauge", "total", "total_increasing"] = Field(
        default="gauge", description="What the numbers mean over time."
    )
    writable: bool = Field(default=False, description="Its value can be set by the command `set`.")

    def to_wire(self) -> wire.FieldDescription:
        """Give the description as protobuf has it."""
        return wire.FieldDescription(
            name=self.name,
            unit=self.unit,
            description=self.description,
            kind=KIND_NUMBERS[Kind(self.kind)],
            writable=self.writable,
        )


class DescribedCommand(Form):
    """One command that a device carries out."""

    name: str = Field(pattern=f"^{COMMAND_NAME_PATTERN}$", description="By which it is asked for.")
    description: str = Field(
        default="", max_length=DESCRIPTION_LENGTH_MAX, description="For people."
    )
    parameters_schema: dict[str, Any] = Field(
        default_factory=dict,
        description="JSON Schema (draft 2020-12) of its parameters; at most 16 KiB and 16 levels.",
    )

    def to_wire(self) -> wire.CommandDescription:
        """Give the description as protobuf has it."""
        schema = self.parameters_schema
        return wire.CommandDescription(
            name=self.name,
            description=self.description,
            parameters_schema=compact_json(schema) if schema else "",
        )


class Registry(Envelope):
    """A device announces itself: who it is, what it runs and what it measures."""

    model: str = Field(default="", max_length=MODEL_LENGTH_MAX, description="The kind of device.")
    firmware: str = Field(default="", max_length=FIRMWARE_LENGTH_MAX, description="What it runs.")
    fields: Annotated[list[DescribedField], FailFast()] = Field(
        default_factory=list, max_length=FIELD_COUNT_MAX, description="What it measures."
    )
    sample_rate_hz: float = Field(
        default=0.0,
        ge=0,
        le=SAMPLE_RATE_HZ_MAX,
        description="The present sample rate; 0: irregular or unknown.",
    )
    device_time: Time | None = Field(default=None, description="The device's own clock.")
    commands: Annotated[list[DescribedCommand], FailFast()] = Field(
        default_factory=list,
        max_length=COMMAND_COUNT_MAX,
        description="What it carries out; none: the built-in commands.",
    )
    configuration_schema: dict[str, Any] | None = Field(
        default=None,
        description="JSON Schema (draft 2020-12) of the configuration that it takes; at most 16 "
        "KiB and 16 levels.",
    )
    report_interval_ms: int = Field(
        default=0,
        ge=0,
        le=REPORT_INTERVAL_MS_MAX,
        description="While all is well, the longest time between two of its messages; 0: unknown.",
    )


def decode_announcement_json(body: bytes, serial: str) -> Announcement:
    """Decode an announcement in JSON; gives and raises what `decode_announcement` does."""
    form = take_form(Registry, parse_body(body))
    message = wire.Announcement(
        serial=form.serial,
        model=form.model,
        firmware=form.firmware,
        fields=[field.to_wire() for field in form.fields],
        sample_rate_hz=form.sample_rate_hz,
        boot_id=form.boot_id,
        device_clock_us=form.device_time or 0,
        commands=[command.to_wire() for command in form.commands],
        configuration_schema=(
            "" if form.configuration_schema is None else compact_json(form.configuration_schema)
        ),
        report_interval_ms=form.report_interval_ms,
    )
    return announcement_from(message, serial)
