"""What is wrong in JSON is refused for the same reasons as in protobuf, and clearly."""

import json
from typing import Any

import pytest

from tests.unit.codec.batches import LATEST_US, NOW_US, SERIAL
from tests.unit.codec.twins import to_json
from weir.codec.json_forms.announcement import decode_announcement_json
from weir.codec.json_forms.events import decode_events_json
from weir.codec.json_forms.locations import decode_locations_json
from weir.codec.json_forms.logs import decode_logs_json
from weir.codec.json_forms.measurements import decode_measurements_json
from weir.codec.measurement import MeasurementBatch
from weir.errors import (
    DecodeError,
    ImplausibleReadingError,
    InvalidMessageError,
    OversizeError,
    WrongSerialError,
)
from weir.model.limits import (
    EVENT_COUNT_MAX,
    EVENT_DATA_BYTES_MAX,
    FIELD_COUNT_MAX,
    LOCATION_COUNT_MAX,
    LOG_ENTRY_COUNT_MAX,
    MESSAGE_BYTES_MAX,
    OBSERVED_AT_US_MIN,
    READING_COUNT_MAX,
    TEXT_LENGTH_MAX,
    UNIT_LENGTH_MAX,
)

NOW = "2026-11-21T08:00:00Z"


def decode(form: object) -> MeasurementBatch:
    body = form if isinstance(form, bytes) else to_json(form)
    return decode_measurements_json(body, SERIAL, NOW_US)


def snapshot(values: object, **more: object) -> dict[str, Any]:
    return {"time": NOW, "values": values, **more}


def column(**more: object) -> dict[str, Any]:
    """Give a column form of two values; `None` leaves a key out."""
    one = {"name": "x", "times": [NOW_US, NOW_US + 1], "values": [1, 2], **more}
    return {"fields": [{key: value for key, value in one.items() if value is not None}]}


def readings(*values: object, **more: object) -> dict[str, Any]:
    return {"readings": [{"time": NOW, "field": "x", "value": value, **more} for value in values]}


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"null",
        b"21.5",
        {},
        {"temperature": 21.5},
        {"time": NOW, "temperature": 21.5},
        b'{"time": "2026-11-21T08:00:00Z", "values": {"x": 1, "x": 2}}',
        b'{"time": 1795248000000000, "values": {"x": "\\udc00"}}',
        b"[" * 100_000,
        {"values": {"x": 1}},
        {"readings": [{"field": "x", "value": 1}]},
        snapshot({}),
        snapshot([]),
        snapshot({"x": None}),
        snapshot({"x": [1]}),
        snapshot({"x": {"value": 1}}),
        snapshot({"x": 1}, unit="Cel"),
        snapshot({"x": 1}, readings=[]),
        snapshot({"x": 1}, sequence="1"),
        snapshot({"x": 1}, sequence=1.0),
        snapshot({"x": 1}, sequence=True),
        snapshot({"x": 1}, correction=1),
        snapshot({"x": 1}, serial=7),
        {"readings": []},
        {"readings": {}},
        readings(None),
        readings([1]),
        readings(1, quality="excellent"),
        {"fields": []},
        column(values=[]),
        column(values=[1, None]),
        column(values=[1, "on"]),
        column(values=[1, True]),
        column(values=[1, 2, 3]),
        column(values=1),
        column(times=[]),
        column(times=[NOW_US]),
        column(times=NOW_US),
        column(times=None),
        column(times=None, start=NOW),
        column(times=None, period_us=1_000),
        column(times=None, start=NOW, period_us=1e3),
        column(start=NOW, period_us=1_000),
        column(name=None),
    ],
)
def test_another_shape_is_undecodable(form: object) -> None:
    with pytest.raises(DecodeError):
        decode(form)


@pytest.mark.parametrize(
    "time",
    [
        "",
        "now",
        "2026-11-21",
        "2026-11-21T08:00:00",
        "2026-11-21 08:00:00Z",
        "2026-11-21T08:00Z",
        "20261121T080000Z",
        "2026-W47-6T08:00:00Z",
        "2026-02-30T08:00:00Z",
        "2026-11-21T24:30:00Z",
        "2026-11-21T08:00:60Z",
        "2026-11-21T08:00:00.Z",
        "2026-11-21T08:00:00.0000000000Z",
        "2026-11-21T08:00:00+0100",
        "\N{FULLWIDTH DIGIT TWO}026-11-21T08:00:00Z",
        " 2026-11-21T08:00:00Z",
        1.5,
        1795248000.0,
        True,
        None,
        [],
    ],
)
def test_what_is_not_a_time_is_undecodable(time: object) -> None:
    with pytest.raises(DecodeError):
        decode({"time": time, "values": {"x": 1}})


@pytest.mark.parametrize(
    ("time", "instant_us"),
    [
        (NOW, NOW_US),
        ("2026-11-21T09:00:00+01:00", NOW_US),
        ("2026-11-20T20:30:00-11:30", NOW_US),
        ("2026-11-21T08:00:00.5Z", NOW_US + 500_000),
        ("2026-11-21T08:00:00.000001Z", NOW_US + 1),
        ("2026-11-21T08:00:00.000001999Z", NOW_US + 1),
        ("2000-01-01T00:00:00Z", OBSERVED_AT_US_MIN),
        (LATEST_US, LATEST_US),
    ],
)
def test_a_time_is_an_instant_to_the_microsecond(time: object, instant_us: int) -> None:
    batch = decode({"time": time, "values": {"x": 1}})
    assert [instant_us] == list(batch.columns[0].observed_at_us)


@pytest.mark.parametrize(
    "form",
    [
        snapshot({"x": 2**53 + 1}),
        snapshot({"x": 10**400}),
        b'{"time": 1795248000000000, "values": {"x": ' + b"9" * 5_000 + b"}}",
        b'{"time": 1795248000000000, "values": {"x": 1e999}}',
        b'{"time": 1795248000000000, "values": {"x": NaN}}',
        b'{"time": 1795248000000000, "values": {"x": -Infinity}}',
        snapshot({"": 1}),
        snapshot({"a b": 1}),
        snapshot({"x" * 201: 1}),
        snapshot({"x": "a\0"}),
        snapshot({"x": 1}, boot_id=-1),
        snapshot({"x": 1}, boot_id=2**32),
        snapshot({"x": 1}, sequence=-1),
        snapshot({"x": 1}, sequence=2**53 + 1),
        snapshot({"x": 1}, sent_at=2**53 + 1),
        {"time": OBSERVED_AT_US_MIN - 1, "values": {"x": 1}},
        {"time": LATEST_US + 1, "values": {"x": 1}},
        # Seconds and milliseconds, taken for microseconds, are long ago.
        {"time": 1_795_248_000, "values": {"x": 1}},
        {"time": 1_795_248_000_000, "values": {"x": 1}},
        {"time": 10**30, "values": {"x": 1}},
        {"time": "9999-12-31T23:59:59-23:59", "values": {"x": 1}},
        {"time": "0001-01-01T00:00:00+23:59", "values": {"x": 1}},
        readings(1, 2**53 + 1),
        readings(1, unit="a\0"),
        column(values=[1.5, -(2**53) - 1]),
        column(name="a b"),
        column(times=[-(2**53), 2**53]),
        column(times=None, start=NOW, period_us=0),
        column(times=None, start=NOW, period_us=10**15),
    ],
)
def test_what_cannot_be_is_implausible(form: object) -> None:
    with pytest.raises(ImplausibleReadingError):
        decode(form)


@pytest.mark.parametrize(
    "form",
    [
        b" " * MESSAGE_BYTES_MAX + b"{}",
        snapshot({f"x{n}": 1 for n in range(FIELD_COUNT_MAX + 1)}),
        snapshot({"x": "x" * (TEXT_LENGTH_MAX + 1)}),
        readings(1, unit="x" * (UNIT_LENGTH_MAX + 1)),
        {
            "readings": [
                {"time": NOW_US, "field": f"x{n}", "value": 1} for n in range(FIELD_COUNT_MAX + 1)
            ]
        },
        column(values=[1] * (READING_COUNT_MAX + 1)),
        {"fields": column()["fields"] * (FIELD_COUNT_MAX + 1)},
        {
            "fields": [
                {"name": "x", "start": NOW_US, "period_us": 1, "values": [1] * READING_COUNT_MAX},
                {"name": "y", "start": NOW_US, "period_us": 1, "values": [1]},
            ]
        },
    ],
)
def test_too_much_is_oversize(form: object) -> None:
    with pytest.raises(OversizeError):
        decode(form)


def test_another_serial_is_refused() -> None:
    assert SERIAL == decode(snapshot({"x": 1}, serial=SERIAL)).serial
    with pytest.raises(WrongSerialError):
        decode(snapshot({"x": 1}, serial="other"))


def test_as_many_readings_as_in_protobuf_fit() -> None:
    fields = [{"name": "x", "start": OBSERVED_AT_US_MIN, "period_us": 1, "values": [1]}]
    fields[0]["values"] = [0] * READING_COUNT_MAX
    assert READING_COUNT_MAX == decode({"fields": fields}).reading_count


def test_an_error_says_where_and_stays_short() -> None:
    with pytest.raises(DecodeError, match=r"^fields\.0\.name: Field required$"):
        decode(column(name=None))
    with pytest.raises(InvalidMessageError) as raised:
        decode(snapshot({"x": 1}, **{"x" * 100_000: 1}))
    assert len(str(raised.value)) <= 200


EVENT = {"time": NOW, "type": "started"}
LOCATION = {"time": NOW, "latitude_deg": 1, "longitude_deg": 2}
NESTED: Any = json.loads('{"a":' * 16 + "{}" + "}" * 16)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"events": []}, DecodeError),
        ({"events": [{"time": NOW}]}, DecodeError),
        ({"events": [EVENT | {"data": []}]}, DecodeError),
        ({"events": [EVENT | {"data": NESTED}]}, DecodeError),
        ({"events": [EVENT], "serial": "other"}, WrongSerialError),
        ({"events": [EVENT] * (EVENT_COUNT_MAX + 1)}, OversizeError),
        ({"events": [EVENT | {"data": {"a": "x" * EVENT_DATA_BYTES_MAX}}]}, OversizeError),
        ({"events": [EVENT | {"type": "a b"}]}, ImplausibleReadingError),
        ({"events": [EVENT | {"data": {"a": 2**53 + 1}}]}, ImplausibleReadingError),
        ({"events": [EVENT | {"data": {"a": "\0"}}]}, ImplausibleReadingError),
        (
            b'{"events": [{"time": 1795248000000000, "type": "a", "data": {"a": 1e999}}]}',
            ImplausibleReadingError,
        ),
    ],
)
def test_events_are_refused_as_in_protobuf(form: object, error: type[Exception]) -> None:
    body = form if isinstance(form, bytes) else to_json(form)
    with pytest.raises(error):
        decode_events_json(body, SERIAL, NOW_US)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"locations": []}, DecodeError),
        ({"locations": [{"time": NOW, "latitude_deg": 1}]}, DecodeError),
        ({"locations": [LOCATION | {"fix": "4d"}]}, DecodeError),
        ({"locations": [LOCATION | {"latitude_deg": "1"}]}, DecodeError),
        ({"locations": [LOCATION], "serial": "other"}, WrongSerialError),
        ({"locations": [LOCATION] * (LOCATION_COUNT_MAX + 1)}, OversizeError),
        ({"locations": [LOCATION | {"latitude_deg": 91}]}, ImplausibleReadingError),
        ({"locations": [LOCATION | {"longitude_deg": -181}]}, ImplausibleReadingError),
        ({"locations": [LOCATION | {"altitude_m": 1e300}]}, ImplausibleReadingError),
        ({"locations": [LOCATION | {"speed_mps": -1}]}, ImplausibleReadingError),
        ({"locations": [LOCATION | {"heading_deg": 360}]}, ImplausibleReadingError),
        # In single precision this is 360.
        ({"locations": [LOCATION | {"heading_deg": 359.9999999}]}, ImplausibleReadingError),
        ({"locations": [LOCATION | {"time": LATEST_US + 1}]}, ImplausibleReadingError),
    ],
)
def test_locations_are_refused_as_in_protobuf(form: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_locations_json(to_json(form), SERIAL, NOW_US)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ([], DecodeError),
        ({"serial": "other"}, WrongSerialError),
        ({"fields": [{"name": "x", "kind": "sum"}]}, DecodeError),
        ({"fields": [{"name": f"x{n}"} for n in range(FIELD_COUNT_MAX + 1)]}, OversizeError),
        ({"model": "x" * 129}, OversizeError),
        ({"fields": [{"name": "x"}, {"name": "x"}]}, ImplausibleReadingError),
        ({"fields": [{"name": "a b"}]}, ImplausibleReadingError),
        ({"sample_rate_hz": -1}, ImplausibleReadingError),
        (b'{"sample_rate_hz": 1e999}', ImplausibleReadingError),
        ({"firmware": "\0"}, ImplausibleReadingError),
    ],
)
def test_announcements_are_refused_as_in_protobuf(form: object, error: type[Exception]) -> None:
    body = form if isinstance(form, bytes) else to_json(form)
    with pytest.raises(error):
        decode_announcement_json(body, SERIAL)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"entries": []}, DecodeError),
        ({"entries": [{"level": "info"}]}, DecodeError),
        ({"entries": [{"message": "x", "level": "loud"}]}, DecodeError),
        ({"entries": [{"message": "x", "attributes": {"a": 1}}]}, DecodeError),
        ({"entries": [{"message": "x"}], "serial": "other"}, WrongSerialError),
        ({"entries": [{"message": ""}] * (LOG_ENTRY_COUNT_MAX + 1)}, OversizeError),
        ({"entries": [{"message": "x" * 8_193}]}, OversizeError),
        ({"entries": [{"message": "x", "attributes": {"x" * 129: ""}}]}, OversizeError),
        ({"entries": [{"message": "x", "attributes": {"x": "x" * 1_025}}]}, OversizeError),
        (
            {"entries": [{"message": "x", "attributes": {f"x{n}": "" for n in range(65)}}]},
            OversizeError,
        ),
        ({"entries": [{"message": "x\0"}]}, ImplausibleReadingError),
    ],
)
def test_log_lines_are_refused_as_in_protobuf(form: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        decode_logs_json(to_json(form), SERIAL)
