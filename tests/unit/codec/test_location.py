"""Locations: carried unchanged, and on the surface of the earth."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.codec.batches import LATEST_US, NOW_US, SERIAL
from tests.unit.codec.observations import LOCATIONS
from weir.codec.location import decode_locations, encode_locations
from weir.errors import DecodeError, ImplausibleReadingError, OversizeError, WrongSerialError
from weir.model.limits import LOCATION_COUNT_MAX, OBSERVED_AT_US_MIN
from weir.model.location import Fix, Location, LocationBatch
from weir.telemetry.v1 import event_pb2 as wire


def decode(*locations: wire.Location) -> LocationBatch:
    body = wire.LocationBatch(locations=locations).SerializeToString()
    return decode_locations(body, SERIAL, NOW_US)


@given(LOCATIONS, st.integers(0, 2**32 - 1))
def test_locations_survive_the_wire_in_order(locations: tuple[Location, ...], boot_id: int) -> None:
    decoded = decode_locations(encode_locations(locations, boot_id=boot_id), SERIAL, NOW_US)

    assert LocationBatch(SERIAL, NOW_US, boot_id, locations) == decoded


@pytest.mark.parametrize(
    "location",
    [
        wire.Location(observed_at_us=OBSERVED_AT_US_MIN),
        wire.Location(observed_at_us=LATEST_US),
        wire.Location(observed_at_us=NOW_US, latitude_deg=-90, longitude_deg=-180),
        wire.Location(observed_at_us=NOW_US, latitude_deg=90, longitude_deg=180),
        wire.Location(observed_at_us=NOW_US, altitude_m=-430, speed_mps=0, heading_deg=0),
        wire.Location(observed_at_us=NOW_US, heading_deg=359.9999),
    ],
)
def test_a_location_at_the_edge_is_taken(location: wire.Location) -> None:
    assert 1 == len(decode(location).locations)


@pytest.mark.parametrize(
    "location",
    [
        wire.Location(),
        wire.Location(observed_at_us=OBSERVED_AT_US_MIN - 1),
        wire.Location(observed_at_us=LATEST_US + 1),
        wire.Location(observed_at_us=NOW_US, latitude_deg=90.0001),
        wire.Location(observed_at_us=NOW_US, latitude_deg=-math.inf),
        wire.Location(observed_at_us=NOW_US, latitude_deg=math.nan),
        wire.Location(observed_at_us=NOW_US, longitude_deg=-180.0001),
        wire.Location(observed_at_us=NOW_US, longitude_deg=math.nan),
        wire.Location(observed_at_us=NOW_US, altitude_m=math.inf),
        wire.Location(observed_at_us=NOW_US, altitude_m=math.nan),
        wire.Location(observed_at_us=NOW_US, speed_mps=-0.1),
        wire.Location(observed_at_us=NOW_US, speed_mps=math.inf),
        wire.Location(observed_at_us=NOW_US, speed_mps=math.nan),
        wire.Location(observed_at_us=NOW_US, heading_deg=360),
        wire.Location(observed_at_us=NOW_US, heading_deg=-1),
        wire.Location(observed_at_us=NOW_US, heading_deg=math.nan),
    ],
)
def test_what_cannot_be_is_implausible(location: wire.Location) -> None:
    with pytest.raises(ImplausibleReadingError):
        decode(location)


def test_what_a_device_does_not_say_is_none_and_what_it_says_is_zero() -> None:
    said = wire.Location(observed_at_us=NOW_US, altitude_m=0, speed_mps=0, heading_deg=0)
    unsaid = wire.Location(observed_at_us=NOW_US)

    assert (
        Location(NOW_US, 0.0, 0.0, 0.0, 0.0, 0.0),
        Location(NOW_US, 0.0, 0.0, None, None, None),
    ) == decode(said, unsaid).locations


def test_an_unknown_fix_is_unknown() -> None:
    location = wire.Location(observed_at_us=NOW_US, fix=99)  # type: ignore[arg-type] # on purpose
    assert Fix.UNKNOWN is decode(location).locations[0].fix


def test_as_many_locations_as_is_said_and_not_more() -> None:
    location = wire.Location(observed_at_us=NOW_US)
    assert LOCATION_COUNT_MAX == len(decode(*[location] * LOCATION_COUNT_MAX).locations)
    with pytest.raises(OversizeError):
        decode(*[location] * (LOCATION_COUNT_MAX + 1))


def test_no_locations_another_serial_and_other_bytes_are_refused() -> None:
    with pytest.raises(DecodeError):
        decode()
    with pytest.raises(DecodeError):
        decode_locations(b"\xff", SERIAL, NOW_US)
    other = wire.LocationBatch(serial="other", locations=[wire.Location(observed_at_us=NOW_US)])
    with pytest.raises(WrongSerialError):
        decode_locations(other.SerializeToString(), SERIAL, NOW_US)
