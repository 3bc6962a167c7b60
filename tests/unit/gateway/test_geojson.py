"""Tracks as lines: what is cut at the antimeridian, and what is no line."""

import pytest

from gateway import geojson
from weir.clock import from_us
from weir.model.location import Fix
from weir.postgres.queries.locations import LocationPosition, StoredLocation


def track(*places: tuple[float, float]) -> object:
    """Give the geometry of the track of one device through (longitude, latitude)."""
    unsaid = (None, None, None)
    locations = [
        StoredLocation(
            "ship-1", LocationPosition(from_us(n), 1), latitude, longitude, *unsaid, fix=Fix.UNKNOWN
        )
        for n, (longitude, latitude) in enumerate(places)
    ]
    (feature,) = geojson.tracks(locations)["features"]
    return feature["geometry"]


@pytest.mark.parametrize(
    ("places", "lines"),
    [
        (
            [(170.0, 0.0), (-170.0, 10.0)],
            [[[170.0, 0.0], [180.0, 5.0]], [[-180.0, 5.0], [-170.0, 10.0]]],
        ),
        (
            [(-179.0, 1.0), (178.0, 4.0)],
            [[[-179.0, 1.0], [-180.0, 2.0]], [[180.0, 2.0], [178.0, 4.0]]],
        ),
        (
            [(180.0, 1.0), (-180.0, 2.0)],
            [[[180.0, 1.0], [180.0, 1.0]], [[-180.0, 1.0], [-180.0, 2.0]]],
        ),
    ],
)
def test_a_line_is_cut_where_it_crosses_the_antimeridian(
    places: list[tuple[float, float]], lines: object
) -> None:
    assert {"type": "MultiLineString", "coordinates": lines} == track(*places)


def test_a_line_across_greenwich_is_whole() -> None:
    assert {"type": "LineString", "coordinates": [[-1.0, 51.0], [1.0, 52.0]]} == track(
        (-1.0, 51.0), (1.0, 52.0)
    )
