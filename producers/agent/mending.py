"""Move the instants in a message that is encoded, when it becomes known how wrong they were."""

from collections.abc import Callable
from dataclasses import replace

from producers.agent.message import Message
from weir.telemetry.v1.event_pb2 import EventBatch, LocationBatch
from weir.telemetry.v1.log_pb2 import LogBatch
from weir.telemetry.v1.measurement_pb2 import Batch


def move(message: Message, by_us: int) -> Message:
    """Give the message with all its instants moved, as one whose times are right."""
    shift = _SHIFTS.get(message.kind)
    return replace(
        message,
        body=message.body if shift is None else shift(message.body, by_us),
        first_us=message.first_us + by_us,
        last_us=message.last_us + by_us,
        epoch=0,
    )


def _shift_measurements(body: bytes, by_us: int) -> bytes:
    batch = Batch.FromString(body)
    for column in batch.time_columns:
        column.start_us += by_us
    return batch.SerializeToString()


def _shift_events(body: bytes, by_us: int) -> bytes:
    batch = EventBatch.FromString(body)
    for event in batch.events:
        event.observed_at_us += by_us
    return batch.SerializeToString()


def _shift_locations(body: bytes, by_us: int) -> bytes:
    batch = LocationBatch.FromString(body)
    for location in batch.locations:
        location.observed_at_us += by_us
    return batch.SerializeToString()


def _shift_logs(body: bytes, by_us: int) -> bytes:
    batch = LogBatch.FromString(body)
    for entry in batch.entries:
        entry.logged_at_us += by_us
    return batch.SerializeToString()


#: What has no instants of its own is sent as it is.
_SHIFTS: dict[str, Callable[[bytes, int], bytes]] = {
    "measurements": _shift_measurements,
    "events": _shift_events,
    "locations": _shift_locations,
    "logs": _shift_logs,
}
