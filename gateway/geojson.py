"""Locations as GeoJSON: a point for each, or the track of each device as a line.

Source: RFC 7946, "The GeoJSON Format": positions are longitude, latitude and, where it is known,
altitude in metres above the ellipsoid (3.1.1), WGS 84 (4); a line that crosses the antimeridian is
cut there (3.1.9).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from gateway.times import format_instant
from weir.model.location import Fix
from weir.postgres.queries.locations import StoredLocation

MEDIA_TYPE = "application/geo+json"
#: A step that is longer goes the other way around the Earth.
_HALF_TURN_DEG = 180.0
_FULL_TURN_DEG = 360.0
#: RFC 7946, 3.1.4: a line has two positions or more.
_LINE_POSITIONS_MIN = 2

Position = list[float]
Json = dict[str, Any]


def points(locations: Iterable[StoredLocation]) -> Json:
    """Give a collection with a point for each location, in their order."""
    return _collection(
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": _position(location)},
            "properties": {
                "serial": location.serial,
                "observed_at": format_instant(location.position.observed_at),
                "speed_mps": location.speed_mps,
                "heading_deg": location.heading_deg,
                "fix": location.fix.value,
            },
        }
        for location in locations
    )


def tracks(locations: Sequence[StoredLocation]) -> Json:
    """Give a collection with a line for each device, by serial; of one place only: a point.

    `locations`: ascending by time. Those without a fix only repeat the one before: they are left
    out.
    """
    by_serial = sorted(
        (location for location in locations if location.fix is not Fix.NONE),
        key=lambda location: location.serial,
    )
    groups = groupby(by_serial, key=lambda location: location.serial)
    return _collection(_track(serial, list(group)) for serial, group in groups)


def _track(serial: str, track: Sequence[StoredLocation]) -> Json:
    instants = [format_instant(location.position.observed_at) for location in track]
    return {
        "type": "Feature",
        "geometry": _line([_position(location) for location in track]),
        "properties": {
            "serial": serial,
            "since": instants[0],
            "until": instants[-1],
            "observed_at": instants,
        },
    }


def _line(positions: Sequence[Position]) -> Json:
    if len(positions) < _LINE_POSITIONS_MIN:
        return {"type": "Point", "coordinates": positions[0]}
    lines = list(_cut(positions))
    if len(lines) == 1:
        return {"type": "LineString", "coordinates": lines[0]}
    return {"type": "MultiLineString", "coordinates": lines}


def _cut(positions: Sequence[Position]) -> Iterator[list[Position]]:
    """Cut a line wherever it crosses the antimeridian, at the latitude where it does."""
    line = [positions[0]]
    for position in positions[1:]:
        last = line[-1]
        step_deg = position[0] - last[0]
        if abs(step_deg) > _HALF_TURN_DEG:
            # Eastwards the longitudes fall by a full turn there, westwards they rise.
            side_deg = _HALF_TURN_DEG if step_deg < 0 else -_HALF_TURN_DEG
            whole_deg = step_deg + (_FULL_TURN_DEG if step_deg < 0 else -_FULL_TURN_DEG)
            share = (side_deg - last[0]) / whole_deg if whole_deg else 0.0
            latitude_deg = last[1] + share * (position[1] - last[1])
            yield [*line, [side_deg, latitude_deg]]
            line = [[-side_deg, latitude_deg]]
        line.append(position)
    yield line


def _position(location: StoredLocation) -> Position:
    position = [location.longitude_deg, location.latitude_deg]
    return position if location.altitude_m is None else [*position, location.altitude_m]


def _collection(features: Iterable[Json]) -> Json:
    return {"type": "FeatureCollection", "features": list(features)}
