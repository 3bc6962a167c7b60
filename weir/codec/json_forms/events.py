"""Device events in JSON."""

from typing import Annotated, Any

from pydantic import FailFast, Field

from weir.codec.device_event import check_event
from weir.codec.json_forms.form import Envelope, Form, parse_body, take_form
from weir.codec.json_forms.times import Time
from weir.model.device_event import EventBatch
from weir.model.limits import EVENT_COUNT_MAX, EVENT_TYPE_PATTERN
from weir.model.serial import check_same_serial


class Event(Form):
    """Something that happened at a device."""

    time: Time
    type: str = Field(
        pattern=f"^{EVENT_TYPE_PATTERN}$", description="What happened, such as `charging_started`."
    )
    data: dict[str, Any] = Field(
        default_factory=dict,
        description="Details: any JSON object of at most 16 KiB as compact UTF-8 and 16 levels, "
        "without integers beyond 2^53 and without U+0000.",
    )


class Events(Envelope):
    """Device events, in the order in which they happened."""

    events: Annotated[list[Event], FailFast()] = Field(
        min_length=1, max_length=EVENT_COUNT_MAX, description="The events."
    )


def decode_events_json(body: bytes, serial: str, received_at_us: int) -> EventBatch:
    """Decode device events in JSON; gives and raises what `decode_events` does."""
    form = take_form(Events, parse_body(body))
    check_same_serial(form.serial, serial)
    events = tuple(
        check_event(event.time, event.type, event.data, received_at_us) for event in form.events
    )
    return EventBatch(serial, received_at_us, form.boot_id, events)
