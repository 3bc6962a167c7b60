"""Between locations and their bytes."""

from collections.abc import Sequence
from math import isfinite

from weir.codec.instants import check_instant
from weir.codec.wire import check_count, parse
from weir.errors import ImplausibleReadingError
from weir.model.limits import (
    HEADING_DEG_END,
    LATITUDE_DEG_MAX,
    LOCATION_COUNT_MAX,
    LONGITUDE_DEG_MAX,
)
from weir.model.location import Fix, Location, LocationBatch
from weir.model.serial import check_same_serial
from weir.telemetry.v1 import event_pb2 as wire

FIX_NUMBERS = {
    Fix.UNKNOWN: wire.FIX_UNSPECIFIED,
    Fix.NONE: wire.FIX_NONE,
    Fix.TWO_DIMENSIONS: wire.FIX_2D,
    Fix.THREE_DIMENSIONS: wire.FIX_3D,
    Fix.DIFFERENTIAL: wire.FIX_DIFFERENTIAL,
}
_FIXES = {number: fix for fix, number in FIX_NUMBERS.items()}


def decode_locations(body: bytes, serial: str, received_at_us: int) -> LocationBatch:
    """Decode locations that arrived on the routing key of `serial`, in their order.

    Raises:
        DecodeError: not a batch of locations.
        OversizeError: too many bytes or locations.
        WrongSerialError: the batch names another device.
        ImplausibleReadingError: a time or a number that cannot be.
    """
    return locations_from(parse(wire.LocationBatch, body), serial, received_at_us)


def locations_from(batch: wire.LocationBatch, serial: str, received_at_us: int) -> LocationBatch:
    """Check a batch that is parsed; raises what `decode_locations` raises."""
    check_same_serial(batch.serial, serial)
    check_count("locations", len(batch.locations), LOCATION_COUNT_MAX)
    locations = tuple(_decode_location(location, received_at_us) for location in batch.locations)
    return LocationBatch(serial, received_at_us, batch.boot_id, locations)


def encode_locations(locations: Sequence[Location], *, serial: str = "", boot_id: int = 0) -> bytes:
    """Encode locations for their device's routing key."""
    return wire.LocationBatch(
        serial=serial,
        boot_id=boot_id,
        locations=[
            wire.Location(
                observed_at_us=location.observed_at_us,
                latitude_deg=location.latitude_deg,
                longitude_deg=location.longitude_deg,
                altitude_m=location.altitude_m,
                speed_mps=location.speed_mps,
                heading_deg=location.heading_deg,
                fix=FIX_NUMBERS[location.fix],
            )
            for location in locations
        ],
    ).SerializeToString()


def _decode_location(location: wire.Location, received_at_us: int) -> Location:
    latitude_deg, longitude_deg = location.latitude_deg, location.longitude_deg
    altitude_m = location.altitude_m if location.HasField("altitude_m") else None
    speed_mps = location.speed_mps if location.HasField("speed_mps") else None
    heading_deg = location.heading_deg if location.HasField("heading_deg") else None
    # A comparison with NaN is false, so NaN fails each of these.
    _require(abs(latitude_deg) <= LATITUDE_DEG_MAX, "latitude", latitude_deg)
    _require(abs(longitude_deg) <= LONGITUDE_DEG_MAX, "longitude", longitude_deg)
    if altitude_m is not None:
        _require(isfinite(altitude_m), "altitude", altitude_m)
    if speed_mps is not None:
        _require(speed_mps >= 0 and isfinite(speed_mps), "speed", speed_mps)
    if heading_deg is not None:
        _require(0 <= heading_deg < HEADING_DEG_END, "heading", heading_deg)
    return Location(
        observed_at_us=check_instant("a location", location.observed_at_us, received_at_us),
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        altitude_m=altitude_m,
        speed_mps=speed_mps,
        heading_deg=heading_deg,
        fix=_FIXES.get(location.fix, Fix.UNKNOWN),
    )


def _require(is_plausible: bool, what: str, number: float) -> None:
    if not is_plausible:
        raise ImplausibleReadingError(f"a {what} of {number}")
