"""Simulate an asset that moves along a track, with the position that a receiver would give.

Tracks are waypoints, or a file. Source: Topografix, "GPX 1.1 Schema Documentation", wptType: `lat`,
`lon`, `ele`; points of tracks (`trkpt`) are taken, else those of routes (`rtept`).
"""

import math
import random
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree as ET

from pydantic import BaseModel, ConfigDict, Field, model_validator

from producers.drivers._sphere import Place, Point, Way
from producers.drivers._xml import local_name, parse_xml
from weir.codec.encode import FieldReadings
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import ConfigError, DecodeError
from weir.model.announcement import FieldDescription, Kind
from weir.model.limits import LATITUDE_DEG_MAX, LONGITUDE_DEG_MAX
from weir.model.location import Fix, Location

WAYPOINT_COUNT_MAX = 256
POINT_COUNT_MAX = 100_000
FILE_BYTES_MAX = 16 * 1024 * 1024
#: Faster than anything that flies in the air.
SPEED_MPS_MAX = 1_000.0
ALTITUDE_M_MAX = 20_000.0
_SECOND_US = 1_000_000
_PATH_LENGTH_MAX = 1_024


class Waypoint(BaseModel):
    """A place on the way (WGS 84)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latitude_deg: float = Field(
        ge=-LATITUDE_DEG_MAX, le=LATITUDE_DEG_MAX, description="north is positive"
    )
    longitude_deg: float = Field(
        ge=-LONGITUDE_DEG_MAX, le=LONGITUDE_DEG_MAX, description="east is positive"
    )
    altitude_m: float | None = Field(
        None, ge=-ALTITUDE_M_MAX, le=ALTITUDE_M_MAX, description="absent: unknown"
    )


class GpsTrackConfiguration(DriverConfiguration):
    """Where the asset goes, how fast, and how often it says so."""

    waypoints: tuple[Waypoint, ...] = Field(
        (), max_length=WAYPOINT_COUNT_MAX, description="the way; or gpx_file"
    )
    gpx_file: str | None = Field(
        None, max_length=_PATH_LENGTH_MAX, description="the way, as GPX 1.1; or waypoints"
    )
    speed_mps: float = Field(10.0, gt=0, le=SPEED_MPS_MAX, description="metres a second")
    interval_s: float = Field(1.0, ge=0.01, le=86_400, description="seconds between positions")
    at_end: Literal["stop", "repeat", "return"] = Field(
        "return", description="stay there, start anew at the beginning, or go all the way back"
    )

    @model_validator(mode="after")
    def _one_way(self) -> "GpsTrackConfiguration":
        if bool(self.waypoints) == (self.gpx_file is not None):
            raise ValueError("either waypoints or gpx_file")
        return self


class GpsTrack(Driver[GpsTrackConfiguration]):
    """A receiver on an asset that sets off at the first poll. Times are multiples of its interval.

    Raises:
        ConfigError: the file is not there, or has no way in it.
    """

    name = "gps_track"
    model = "simulated-gps-1"
    configuration_class = GpsTrackConfiguration

    def __init__(self, configuration: GpsTrackConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        points = [Point(**waypoint.model_dump()) for waypoint in configuration.waypoints]
        if configuration.gpx_file is not None:
            points = _read_gpx(Path(configuration.gpx_file))
        self._way, self._way_back = Way(points), Way(points[::-1])
        if self._way.length_m == 0:
            raise ConfigError("a way needs two different places at least")
        self._started_us: int | None = None

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """How far it has gone, beside where it is."""
        return (
            FieldDescription(
                "distance", "m", "Distance travelled since the start", Kind.TOTAL_INCREASING
            ),
        )

    async def read(self, poll: Poll) -> Polled:
        """Compute the positions of a poll; does not wait."""
        if self._started_us is None:
            self._started_us = poll.start_us
        interval_us = round(self.configuration.interval_s * _SECOND_US)
        times = range(-(-poll.start_us // interval_us) * interval_us, poll.end_us, interval_us)
        if not times:
            return Polled()
        travelled_m = [self._travelled_m(time_us - self._started_us) for time_us in times]
        locations = [self._location(*pair) for pair in zip(times, travelled_m, strict=True)]
        distances = [round(metres, 3) for metres in travelled_m]
        return Polled([FieldReadings("distance", times, distances)], locations=locations)

    def _travelled_m(self, elapsed_us: int) -> float:
        travelled_m = elapsed_us / _SECOND_US * self.configuration.speed_mps
        if self.configuration.at_end == "stop":
            return min(travelled_m, self._way.length_m)
        return travelled_m

    def _location(self, time_us: int, travelled_m: float) -> Location:
        place, is_moving = self._place(travelled_m)
        point = place.point
        has_altitude = point.altitude_m is not None
        return Location(
            time_us,
            point.latitude_deg,
            point.longitude_deg,
            altitude_m=point.altitude_m,
            speed_mps=self.configuration.speed_mps if is_moving else 0.0,
            heading_deg=place.heading_deg,
            fix=Fix.THREE_DIMENSIONS if has_altitude else Fix.TWO_DIMENSIONS,
        )

    def _place(self, travelled_m: float) -> tuple[Place, bool]:
        length_m = self._way.length_m
        match self.configuration.at_end:
            case "stop":
                return self._way.at(travelled_m), travelled_m < length_m
            case "repeat":
                return self._way.at(travelled_m % length_m), True
            case "return":
                rounds, rest_m = divmod(travelled_m, length_m)
                way = self._way if rounds % 2 == 0 else self._way_back
                return way.at(rest_m), True


def decode_gpx(document: bytes) -> list[Point]:
    """Read the points of a GPX document.

    Raises:
        DecodeError: not GPX, or with points outside of the world.
    """
    root = parse_xml(document)
    if local_name(root) != "gpx":
        raise DecodeError(f"an element {local_name(root)!r}, where GPX has 'gpx'")
    for wanted in ("trkpt", "rtept"):
        points = [_point(element) for element in root.iter() if local_name(element) == wanted]
        if len(points) > POINT_COUNT_MAX:
            raise DecodeError(f"{len(points)} points, at most {POINT_COUNT_MAX} are allowed")
        if points:
            return points
    raise DecodeError("no points of a track or of a route")


def _point(element: ET.Element) -> Point:
    altitude = next((child.text for child in element if local_name(child) == "ele"), None)
    return Point(
        _number(element.get("lat"), "lat", LATITUDE_DEG_MAX),
        _number(element.get("lon"), "lon", LONGITUDE_DEG_MAX),
        None if altitude is None else _number(altitude, "ele", ALTITUDE_M_MAX),
    )


def _number(text: str | None, what: str, magnitude_max: float) -> float:
    try:
        value = float(text or "")
    except ValueError as error:
        raise DecodeError(f"{what}={text!r} is not a number") from error
    if not math.isfinite(value) or abs(value) > magnitude_max:
        raise DecodeError(f"{what}={text!r} is beyond {magnitude_max:g}")
    return value


def _read_gpx(path: Path) -> list[Point]:
    try:
        with path.open("rb") as file:
            document = file.read(FILE_BYTES_MAX + 1)
        if len(document) > FILE_BYTES_MAX:
            raise ConfigError(f"{path} has over {FILE_BYTES_MAX} bytes")
        return decode_gpx(document)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except DecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
