"""The same telemetry in JSON and in protobuf."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.unit.codec.batches import Draft
from weir.clock import from_us
from weir.codec.encode import FieldReadings
from weir.codec.measurement import MeasurementBatch
from weir.model.device_event import DeviceEvent
from weir.model.limits import PERIOD_US_MAX
from weir.model.location import Location

#: How a test spells an instant: whole microseconds, or ISO 8601 in some offset.
SPELLINGS = st.sampled_from(["integer", "utc", "offset"])


def to_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def spell(instant_us: int, spelling: str) -> int | str:
    if spelling == "integer":
        return instant_us
    text = from_us(instant_us).isoformat(timespec="microseconds").removesuffix("+00:00")
    return text + ("Z" if spelling == "utc" else "-00:00")


def header(draft: Draft, spelling: str) -> dict[str, Any]:
    """Give what the JSON forms of measurements share; a clock of 0 is unset."""
    given = draft.header
    head: dict[str, Any] = {
        "boot_id": given.boot_id,
        "sequence": given.sequence,
        "correction": given.is_correction,
    }
    if given.serial:
        head["serial"] = given.serial
    if given.sent_after_us:
        head["sent_at"] = spell(draft.fields[0].observed_at_us[0] + given.sent_after_us, spelling)
    return head


def columns_form(draft: Draft, spelling: str) -> bytes:
    return to_json(
        header(draft, spelling) | {"fields": [column(field, spelling) for field in draft.fields]}
    )


def column(readings: FieldReadings, spelling: str) -> dict[str, Any]:
    """Give a column, by start and period where that says it all."""
    times = list(readings.observed_at_us)
    written: dict[str, Any] = {"name": readings.name, "values": list(readings.values)}
    if readings.unit:
        written["unit"] = readings.unit
    periods = {later - earlier for earlier, later in pairwise(times)}
    if len(periods) == 1 and 0 < min(periods) <= PERIOD_US_MAX:
        return written | {"start": spell(times[0], spelling), "period_us": periods.pop()}
    return written | {"times": [spell(instant, spelling) for instant in times]}


def readings_form(draft: Draft, spelling: str) -> bytes:
    readings = [
        {
            "time": spell(instant, spelling),
            "field": field.name,
            "value": value,
            "unit": field.unit,
        }
        for field in draft.fields
        for instant, value in zip(field.observed_at_us, field.values, strict=True)
    ]
    return to_json(header(draft, spelling) | {"readings": readings})


def plain(batch: MeasurementBatch) -> MeasurementBatch:
    """Give a batch whose columns are lists, so that it can be compared."""
    for column in batch.columns:
        column.observed_at_us = list(map(int, column.observed_at_us))
        column.numbers = list(map(float, column.numbers))
        column.texts = list(column.texts)
    return batch


def events_form(events: tuple[DeviceEvent, ...], boot_id: int, spelling: str) -> bytes:
    written = [
        {
            "time": spell(event.observed_at_us, spelling),
            "type": event.type,
            "data": json.loads(event.data),
        }
        for event in events
    ]
    return to_json({"boot_id": boot_id, "events": written})


def locations_form(locations: tuple[Location, ...], boot_id: int, spelling: str) -> bytes:
    written = [
        {
            "time": spell(location.observed_at_us, spelling),
            "latitude_deg": location.latitude_deg,
            "longitude_deg": location.longitude_deg,
            "altitude_m": location.altitude_m,
            "speed_mps": location.speed_mps,
            "heading_deg": location.heading_deg,
            "fix": location.fix,
        }
        for location in locations
    ]
    return to_json({"boot_id": boot_id, "locations": written})
