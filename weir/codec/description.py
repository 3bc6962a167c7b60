"""Describe any message that a device sends, in one shape for all kinds: for people, not for stores.

A description has properties, said once for the message, and rows: one for each field of a
measurement or an announcement, and for each event, location or log line.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from weir.clock import from_us, iso
from weir.codec.device_log import decode_logs
from weir.codec.json_forms.announcement import decode_announcement_json
from weir.codec.json_forms.logs import decode_logs_json
from weir.codec.measurement import FieldColumn, MeasurementBatch
from weir.codec.registry import decode_announcement
from weir.codec.telemetry import Telemetry, decode_telemetry
from weir.errors import InvalidMessageError
from weir.model.announcement import Announcement
from weir.model.deletion import Deletion
from weir.model.device_event import DeviceEvent, EventBatch
from weir.model.device_log import LogEntry
from weir.model.location import Location
from weir.model.names import split_key

#: Rows that are described; the others are counted.
ROWS_MAX = 100
#: Characters of a text that are shown.
TEXT_LENGTH_MAX = 200

Row: TypeAlias = dict[str, str | float | bool | None]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a message cannot be decoded: a code for programs, a sentence for people."""

    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class Description:
    """What a message says; `row_count` counts all rows, also those beyond `ROWS_MAX`."""

    kind: str
    properties: Mapping[str, str | float | bool | None] = field(default_factory=dict)
    rows: Sequence[Row] = ()
    row_count: int = 0
    rejection: Rejection | None = None


def describe(routing_key: str, body: bytes, received_at_us: int) -> Description:
    """Describe a message as if it arrived on `routing_key` at `received_at_us`; never raises."""
    kind = ""
    try:
        serial, kind = split_key(routing_key)
        return _decode(kind, body, serial, received_at_us)
    except InvalidMessageError as error:
        return Description(kind, rejection=Rejection(error.reason, str(error)))


def _decode(kind: str, body: bytes, serial: str, received_at_us: int) -> Description:
    announcing = _ANNOUNCING.get(kind)
    if announcing is not None:
        return _describe_announcement(kind, announcing(body, serial))
    logging = _LOGGING.get(kind)
    if logging is not None:
        return _described(kind, {"serial": serial}, logging(body, serial), _log_row)
    return _describe_telemetry(kind, decode_telemetry(kind, body, serial, received_at_us))


_ANNOUNCING: Mapping[str, Callable[[bytes, str], Announcement]] = {
    "registry": decode_announcement,
    "registry.json": decode_announcement_json,
}
_LOGGING: Mapping[str, Callable[[bytes, str], list[LogEntry]]] = {
    "logs": decode_logs,
    "logs.json": decode_logs_json,
}


def _describe_telemetry(kind: str, batch: Telemetry) -> Description:
    if isinstance(batch, Deletion):
        properties: Row = {"serial": batch.serial, "deletion_id": str(batch.deletion_id)}
        return _described(kind, properties, (), asdict)
    properties = {"serial": batch.serial, "boot_id": batch.boot_id}
    match batch:
        case MeasurementBatch():
            properties |= {
                "sequence": batch.sequence,
                "is_correction": batch.is_correction,
                "readings": batch.reading_count,
            }
            return _described(kind, properties, batch.columns, _column_row)
        case EventBatch():
            return _described(kind, properties, batch.events, _event_row)
        case _:
            return _described(kind, properties, batch.locations, _location_row)


def _describe_announcement(kind: str, announcement: Announcement) -> Description:
    properties: Row = {
        "serial": announcement.serial,
        "model": announcement.model,
        "firmware": announcement.firmware,
        "sample_rate_hz": announcement.sample_rate_hz,
        "boot_id": announcement.boot_id,
    }
    return _described(kind, properties, announcement.fields, asdict)


def _described(
    kind: str, properties: Row, items: Sequence[Any], row: Callable[[Any], Row]
) -> Description:
    return Description(kind, properties, [row(item) for item in items[:ROWS_MAX]], len(items))


def _column_row(column: FieldColumn) -> Row:
    instants = column.observed_at_us
    summary: Row = {
        "field": column.name,
        "unit": column.unit,
        "readings": len(instants),
        "first_observed_at": _instant(int(min(instants))),
        "last_observed_at": _instant(int(max(instants))),
    }
    if column.texts:
        return {**summary, "first_value": column.texts[0][:TEXT_LENGTH_MAX]}
    return {
        **summary,
        "first_value": float(column.numbers[0]),
        "min": float(min(column.numbers)),
        "max": float(max(column.numbers)),
    }


def _event_row(event: DeviceEvent) -> Row:
    return {
        "observed_at": _instant(event.observed_at_us),
        "type": event.type,
        "data": event.data[:TEXT_LENGTH_MAX],
    }


def _location_row(location: Location) -> Row:
    row = asdict(location)
    return {"observed_at": _instant(row.pop("observed_at_us")), **row}


def _log_row(entry: LogEntry) -> Row:
    return {
        "logged_at": _instant(entry.logged_at_us) if entry.logged_at_us else None,
        "level": entry.level,
        "message": entry.message[:TEXT_LENGTH_MAX],
    }


def _instant(instant_us: int) -> str | None:
    try:
        return iso(from_us(instant_us))
    except OverflowError:
        # The time of a log line is not checked: it may be anything.
        return None
