"""Where a device was."""

from dataclasses import dataclass
from enum import StrEnum


class Fix(StrEnum):
    """How a position was found."""

    UNKNOWN = "unknown"
    #: No position: the numbers are the last known ones.
    NONE = "none"
    TWO_DIMENSIONS = "2d"
    THREE_DIMENSIONS = "3d"
    DIFFERENTIAL = "differential"


@dataclass(frozen=True, slots=True)
class Location:
    """One position (WGS 84); `observed_at_us`: microseconds since 1970-01-01 UTC.

    `altitude_m` is above the ellipsoid, `speed_mps` over ground, `heading_deg` clockwise from true
    north; each is a single-precision number, or `None` where the device did not say.
    """

    observed_at_us: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    fix: Fix = Fix.UNKNOWN


@dataclass(frozen=True, slots=True)
class LocationBatch:
    """One publish of one device; `received_at_us`: when the broker took it. Not empty."""

    serial: str
    received_at_us: int
    boot_id: int
    locations: tuple[Location, ...]
