"""The minutes of a batch are those of its decoded readings."""

import json

import pytest
from hypothesis import given

from tests.unit.codec.batches import NOW_US, SERIAL, Draft, decode, drafts
from weir.codec.encode import BatchHeader, FieldReadings, Value, encode_measurements
from weir.codec.touched import MINUTE_US, touched_minutes
from weir.errors import ImplausibleReadingError
from weir.telemetry.v1.measurement_pb2 import Batch


@given(drafts())
def test_minutes_are_those_in_which_there_are_numbers(draft: Draft) -> None:
    body = draft.encode()
    expected = {
        (SERIAL, column.name, int(instant) - int(instant) % MINUTE_US)
        for column in decode(body).columns
        if len(column.numbers)
        for instant in column.observed_at_us
    }
    assert expected == touched_minutes("measurements", body, SERIAL, NOW_US)


@pytest.mark.parametrize("count", [1, 5, 1_000])
@pytest.mark.parametrize("period_us", [1_000, 7_000_000, 3_600_000_000])
def test_uniform_readings_touch_the_minutes_between_their_first_and_last(
    count: int, period_us: int
) -> None:
    start_us = NOW_US - count * period_us
    times = [start_us + index * period_us for index in range(count)]
    values: list[Value] = [1.5] * count
    body = encode_measurements(BatchHeader(), [FieldReadings("power", times, values)])
    minutes = {(SERIAL, "power", instant - instant % MINUTE_US) for instant in times}
    assert minutes == touched_minutes("measurements", body, SERIAL, NOW_US)


def test_json_touches_what_protobuf_does() -> None:
    readings = {"time": "2026-03-01T10:00:30Z", "values": {"power": 1.5, "state": "on"}}
    minute = 1_772_359_200_000_000
    assert {(SERIAL, "power", minute)} == touched_minutes(
        "measurements.json", json.dumps(readings).encode(), SERIAL, NOW_US
    )


def test_events_touch_no_minute() -> None:
    body = json.dumps({"events": [{"time": "2026-03-01T10:00:30Z", "type": "started"}]}).encode()
    assert frozenset() == touched_minutes("events.json", body, SERIAL, NOW_US)


def test_a_time_that_cannot_be_is_refused() -> None:
    batch = Batch()
    batch.time_columns.add(start_us=2**62)
    batch.fields.add(name="power").doubles.values.append(1.0)
    with pytest.raises(ImplausibleReadingError):
        touched_minutes("measurements", batch.SerializeToString(), SERIAL, NOW_US)
