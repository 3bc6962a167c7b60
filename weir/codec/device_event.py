"""Between device events and their bytes."""

import re
from collections.abc import Sequence
from typing import Any

from weir.codec.documents import DocumentBounds, document_text
from weir.codec.instants import check_instant
from weir.codec.json_text import parse_json
from weir.codec.wire import check_count, parse
from weir.errors import DecodeError, ImplausibleReadingError
from weir.model.device_event import DeviceEvent, EventBatch
from weir.model.limits import (
    EVENT_COUNT_MAX,
    EVENT_DATA_BYTES_MAX,
    EVENT_DATA_DEPTH_MAX,
    EVENT_TYPE_PATTERN,
)
from weir.model.serial import check_same_serial
from weir.telemetry.v1 import event_pb2 as wire

_TYPE = re.compile(EVENT_TYPE_PATTERN)


def decode_events(body: bytes, serial: str, received_at_us: int) -> EventBatch:
    """Decode device events that arrived on the routing key of `serial`, in their order.

    Raises:
        DecodeError: not a batch of events, or data that is not one JSON object.
        OversizeError: too many bytes or events.
        WrongSerialError: the batch names another device.
        ImplausibleReadingError: a type, a time or a number in the data that cannot be.
    """
    return events_from(parse(wire.EventBatch, body), serial, received_at_us)


def events_from(batch: wire.EventBatch, serial: str, received_at_us: int) -> EventBatch:
    """Check a batch that is parsed; raises what `decode_events` raises."""
    check_same_serial(batch.serial, serial)
    check_count("events", len(batch.events), EVENT_COUNT_MAX)
    events = tuple(_decode_event(event, received_at_us) for event in batch.events)
    return EventBatch(serial, received_at_us, batch.boot_id, events)


def encode_events(events: Sequence[DeviceEvent], *, serial: str = "", boot_id: int = 0) -> bytes:
    """Encode device events for their device's routing key."""
    return wire.EventBatch(
        serial=serial,
        boot_id=boot_id,
        events=[
            wire.DeviceEvent(
                observed_at_us=event.observed_at_us,
                type=event.type,
                data_json=event.data.encode("utf-8"),
            )
            for event in events
        ],
    ).SerializeToString()


def check_event(
    observed_at_us: int, type_: str, data: dict[str, Any], received_at_us: int
) -> DeviceEvent:
    """Make an event of parts that may be anything.

    Raises:
        ImplausibleReadingError: a type, a time or a number in the data that cannot be.
        DecodeError: data that are nested too deeply.
        OversizeError: data that are too long as compact JSON.
    """
    if _TYPE.fullmatch(type_) is None:
        raise ImplausibleReadingError(
            f"not a type of event: {type_[:80]!r} (1 to 100 letters, digits and _ - .)"
        )
    check_instant(f"{type_}: an event", observed_at_us, received_at_us)
    bounds = DocumentBounds(EVENT_DATA_BYTES_MAX, EVENT_DATA_DEPTH_MAX)
    return DeviceEvent(observed_at_us, type_, document_text(type_, data, bounds))


def _decode_event(event: wire.DeviceEvent, received_at_us: int) -> DeviceEvent:
    data = parse_json(event.data_json) if event.data_json else {}
    if not isinstance(data, dict):
        raise DecodeError("data of an event that are not a JSON object")
    return check_event(event.observed_at_us, event.type, data, received_at_us)
