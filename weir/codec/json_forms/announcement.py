"""Announcements in JSON."""

from typing import Annotated, Literal

from pydantic import FailFast, Field

from weir.codec.json_forms.form import Envelope, Form, parse_body, take_form
from weir.codec.json_forms.times import Time
from weir.codec.json_forms.values import FieldName, Unit
from weir.codec.registry import KIND_NUMBERS, announcement_from
from weir.model.announcement import Announcement, Kind
from weir.model.limits import (
    DESCRIPTION_LENGTH_MAX,
    FIELD_COUNT_MAX,
    FIRMWARE_LENGTH_MAX,
    MODEL_LENGTH_MAX,
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

    def to_wire(self) -> wire.FieldDescription:
        """Give the description as protobuf has it."""
        return wire.FieldDescription(
            name=self.name,
            unit=self.unit,
            description=self.description,
            kind=KIND_NUMBERS[Kind(self.kind)],
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
    )
    return announcement_from(message, serial)
