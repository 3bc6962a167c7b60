"""Messages of every kind described in one shape."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.codec.description import ROWS_MAX, Description, describe
from weir.codec.device_log import encode_logs
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.codec.registry import encode_announcement
from weir.model.announcement import Announcement, FieldDescription
from weir.model.device_log import Level, LogEntry
from weir.model.limits import FIELD_COUNT_MAX

NOW_US = 1_800_000_000_000_000
NOW = "2027-01-15T08:00:00.000000Z"


def described(kind: str, body: bytes) -> Description:
    return describe(f"sensor.pump-1.{kind}", body, NOW_US)


def test_measurements_have_a_row_for_each_field() -> None:
    times = [NOW_US, NOW_US - 1_000_000, NOW_US + 1_000_000]
    fields = [
        FieldReadings("pressure", times, [2.5, -1.5, 7.0], unit="bar"),
        FieldReadings("mode", times[:1], ["idle" * 100]),
    ]
    found = described(
        "measurements", encode_measurements(BatchHeader(boot_id=3, sequence=8), fields)
    )

    assert ("measurements", 2, None) == (found.kind, found.row_count, found.rejection)
    assert {
        "serial": "pump-1",
        "boot_id": 3,
        "sequence": 8,
        "is_correction": False,
        "readings": 4,
    } == found.properties
    pressure, mode = found.rows
    assert {
        "field": "pressure",
        "unit": "bar",
        "readings": 3,
        "first_observed_at": "2027-01-15T07:59:59.000000Z",
        "last_observed_at": "2027-01-15T08:00:01.000000Z",
        "first_value": 2.5,
        "min": -1.5,
        "max": 7.0,
    } == pressure
    assert "idle" * 50 == mode["first_value"]


def test_rows_are_bounded_and_counted() -> None:
    fields = [FieldReadings(f"f{n}", [NOW_US], [1.0]) for n in range(FIELD_COUNT_MAX)]
    found = described("measurements", encode_measurements(BatchHeader(), fields))

    assert (ROWS_MAX, FIELD_COUNT_MAX) == (len(found.rows), found.row_count)


@pytest.mark.parametrize(
    ("kind", "body", "row"),
    [
        (
            "events.json",
            b'{"events": [{"time": 1800000000000000, "type": "on", "data": {"a": 1}}]}',
            {"observed_at": NOW, "type": "on", "data": '{"a":1}'},
        ),
        (
            "logs",
            encode_logs([LogEntry(NOW_US, Level.ERROR, "too hot", {})]),
            {"logged_at": NOW, "level": "error", "message": "too hot"},
        ),
        (
            "logs",
            encode_logs([LogEntry(2**62, Level.INFO, "no clock", {})]),
            {"logged_at": None, "level": "info", "message": "no clock"},
        ),
        (
            "registry",
            encode_announcement(Announcement("pump-1", "VX", "1", (FieldDescription("a", "K"),))),
            {"name": "a", "unit": "K", "description": "", "kind": "gauge"},
        ),
    ],
)
def test_other_kinds_have_rows_of_their_own(kind: str, body: bytes, row: dict[str, Any]) -> None:
    found = described(kind, body)

    assert None is found.rejection
    assert [row] == list(found.rows)


@pytest.mark.parametrize(
    ("routing_key", "kind", "reason"),
    [
        ("sensor.pump-1.measurements", "measurements", "undecodable"),
        ("sensor.pump-1.logs.xml", "logs.xml", "unknown_type"),
        ("sensor.-.logs", "", "wrong_serial"),
        ("", "", "wrong_serial"),
    ],
)
def test_what_cannot_be_decoded_says_why(routing_key: str, kind: str, reason: str) -> None:
    found = describe(routing_key, b"\xff", NOW_US)

    assert found.rejection is not None
    assert (kind, reason) == (found.kind, found.rejection.reason)
    assert found.rejection.error


KINDS = ["measurements", "events", "locations", "registry", "logs"]


@given(kind=st.sampled_from(KINDS), suffix=st.sampled_from(["", ".json"]), body=st.binary())
def test_nothing_that_arrives_makes_it_fail(kind: str, suffix: str, body: bytes) -> None:
    assert kind + suffix == described(kind + suffix, body).kind
