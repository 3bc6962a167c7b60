"""Decode what arrives on the measurement streams: the kind in the routing key says how."""

from collections.abc import Callable
from typing import TypeAlias

from weir.codec.device_event import decode_events
from weir.codec.json_forms.events import decode_events_json
from weir.codec.json_forms.locations import decode_locations_json
from weir.codec.json_forms.measurements import decode_measurements_json
from weir.codec.location import decode_locations
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.codec.single_readings import SingleReadings
from weir.errors import UnknownEventError
from weir.model.deletion import Deletion
from weir.model.device_event import EventBatch
from weir.model.location import LocationBatch

Telemetry: TypeAlias = MeasurementBatch | EventBatch | LocationBatch | Deletion
#: What a store is given: a message each, or one reading of each of many.
Storable: TypeAlias = Telemetry | SingleReadings

_DECODERS: dict[str, Callable[[bytes, str, int], Telemetry]] = {
    "measurements": decode_measurements,
    "events": decode_events,
    "locations": decode_locations,
    "measurements.json": decode_measurements_json,
    "events.json": decode_events_json,
    "locations.json": decode_locations_json,
}


def decode_telemetry(kind: str, body: bytes, serial: str, received_at_us: int) -> Telemetry:
    """Decode one message that arrived on `sensor.<serial>.<kind>`.

    Raises:
        UnknownEventError: no such kind, or no such format of it.
        InvalidMessageError: what the decoder of that kind raises.
    """
    decode = _DECODERS.get(kind)
    if decode is None:
        raise UnknownEventError(f"no telemetry is published as {kind[:80]!r}")
    return decode(body, serial, received_at_us)


def count_rows(batch: Storable) -> int:
    """Count the rows that a batch becomes in the database."""
    if isinstance(batch, SingleReadings):
        return len(batch)
    if isinstance(batch, MeasurementBatch):
        return batch.reading_count
    if isinstance(batch, Deletion):
        return 1
    return len(batch.events if isinstance(batch, EventBatch) else batch.locations)
