"""Locations in JSON."""

from typing import Annotated, Literal

from pydantic import FailFast, Field

from weir.codec.json_forms.form import Envelope, Form, parse_body, take_form
from weir.codec.json_forms.times import Time
from weir.codec.location import FIX_NUMBERS, locations_from
from weir.model.limits import (
    HEADING_DEG_END,
    LATITUDE_DEG_MAX,
    LOCATION_COUNT_MAX,
    LONGITUDE_DEG_MAX,
)
from weir.model.location import Fix, LocationBatch
from weir.telemetry.v1 import event_pb2 as wire


class Location(Form):
    """Where a device was (WGS 84)."""

    time: Time
    latitude_deg: float = Field(
        ge=-LATITUDE_DEG_MAX, le=LATITUDE_DEG_MAX, description="Degrees north."
    )
    longitude_deg: float = Field(
        ge=-LONGITUDE_DEG_MAX, le=LONGITUDE_DEG_MAX, description="Degrees east."
    )
    altitude_m: float | None = Field(default=None, description="Metres above the ellipsoid.")
    speed_mps: float | None = Field(default=None, ge=0, description="Over ground, metres a second.")
    heading_deg: float | None = Field(
        default=None, ge=0, lt=HEADING_DEG_END, description="Clockwise from true north."
    )
    fix: Literal["unknown", "none", "2d", "3d", "differential"] = Field(
        default="unknown", description="How the position was found."
    )

    def to_wire(self) -> wire.Location:
        """Give the location as protobuf has it, in single precision where that is single."""
        return wire.Location(
            observed_at_us=self.time,
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
            altitude_m=self.altitude_m,
            speed_mps=self.speed_mps,
            heading_deg=self.heading_deg,
            fix=FIX_NUMBERS[Fix(self.fix)],
        )


class Locations(Envelope):
    """Locations of one device, in the order in which it was there."""

    locations: Annotated[list[Location], FailFast()] = Field(
        min_length=1, max_length=LOCATION_COUNT_MAX, description="The locations."
    )


def decode_locations_json(body: bytes, serial: str, received_at_us: int) -> LocationBatch:
    """Decode locations in JSON; gives and raises what `decode_locations` does."""
    form = take_form(Locations, parse_body(body))
    batch = wire.LocationBatch(
        serial=form.serial,
        boot_id=form.boot_id,
        locations=[location.to_wire() for location in form.locations],
    )
    return locations_from(batch, serial, received_at_us)
