"""Ways over the ground: distances, headings and points between, on a sphere. Pure.

The formulas are those of E. Williams, "Aviation Formulary V1.47": distance (haversine), course, and
intermediate points of a great circle. The radius is the mean one of the International Union of
Geodesy and Geophysics (H. Moritz, "Geodetic Reference System 1980", R1); the error against WGS 84
is below 0.6 %.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

EARTH_RADIUS_M = 6_371_008.8
#: Points closer than this are one: there is no course between them.
_SAME_RAD = 1e-12


@dataclass(frozen=True, slots=True)
class Point:
    """A place, in degrees; `altitude_m` where it is known."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody on the way is, and where to."""

    point: Point
    heading_deg: float


class Way:
    """A way along great circles through `points`, of which there are at least two places."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = points
        lengths = (distance_m(one, other) for one, other in pairwise(points))
        self._reached_m = list(accumulate(lengths, initial=0.0))

    @property
    def length_m(self) -> float:
        """The length of the whole way."""
        return self._reached_m[-1]

    def at(self, travelled_m: float) -> Place:
        """Give the place after so many metres, from 0 to `length_m`."""
        index = min(bisect_right(self._reached_m, travelled_m), len(self._points) - 1)
        while index > 1 and self._reached_m[index] == self._reached_m[index - 1]:
            # A stop at the end of the way has no course of its own.
            index -= 1
        one, other = self._points[index - 1], self._points[index]
        length_m = self._reached_m[index] - self._reached_m[index - 1]
        share = (travelled_m - self._reached_m[index - 1]) / length_m if length_m else 0.0
        point = between(one, other, share)
        here = point if share < 1.0 else one
        return Place(point, heading_deg(here, other))


def distance_m(one: Point, other: Point) -> float:
    """Give the shortest distance over ground."""
    return _angle(one, other) * EARTH_RADIUS_M


def heading_deg(one: Point, other: Point) -> float:
    """Give the course at `one` towards `other`: clockwise from north, from 0 to below 360."""
    lat1, lat2 = math.radians(one.latitude_deg), math.radians(other.latitude_deg)
    east = math.radians(other.longitude_deg - one.longitude_deg)
    heading = math.atan2(
        math.sin(east) * math.cos(lat2),
        math.cos(lat1) * math.sin(lat2) - math.sin(lat1) * math.cos(lat2) * math.cos(east),
    )
    return math.degrees(heading) % 360.0 % 360.0


def between(one: Point, other: Point, share: float) -> Point:
    """Give the point at a share of the way from `one` to `other`, from 0 to 1."""
    angle = _angle(one, other)
    altitude_m = _altitude_m(one, other, share)
    if angle < _SAME_RAD:
        return Point(one.latitude_deg, one.longitude_deg, altitude_m)
    lat1, lon1 = math.radians(one.latitude_deg), math.radians(one.longitude_deg)
    lat2, lon2 = math.radians(other.latitude_deg), math.radians(other.longitude_deg)
    weight1 = math.sin((1.0 - share) * angle) / math.sin(angle)
    weight2 = math.sin(share * angle) / math.sin(angle)
    x = weight1 * math.cos(lat1) * math.cos(lon1) + weight2 * math.cos(lat2) * math.cos(lon2)
    y = weight1 * math.cos(lat1) * math.sin(lon1) + weight2 * math.cos(lat2) * math.sin(lon2)
    z = weight1 * math.sin(lat1) + weight2 * math.sin(lat2)
    latitude_deg = math.degrees(math.atan2(z, math.hypot(x, y)))
    return Point(latitude_deg, math.degrees(math.atan2(y, x)), altitude_m)


def _angle(one: Point, other: Point) -> float:
    lat1, lat2 = math.radians(one.latitude_deg), math.radians(other.latitude_deg)
    north = (lat2 - lat1) / 2.0
    east = math.radians(other.longitude_deg - one.longitude_deg) / 2.0
    chord = math.sin(north) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(east) ** 2
    return 2.0 * math.asin(min(1.0, math.sqrt(chord)))


def _altitude_m(one: Point, other: Point, share: float) -> float | None:
    if one.altitude_m is None or other.altitude_m is None:
        return None
    return one.altitude_m + share * (other.altitude_m - one.altitude_m)
