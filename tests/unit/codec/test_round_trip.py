"""What a device encodes is what the consumers decode, whatever the column on the wire."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.codec.batches import (
    NOW_US,
    SECOND_US,
    SERIAL,
    Draft,
    decode,
    drafts,
    encode_one,
)
from weir.codec.encode import BatchHeader, FieldReadings, Value, encode_measurements
from weir.telemetry.v1 import measurement_pb2 as wire


def assert_carried(draft: Draft) -> None:
    decoded = decode(draft.encode())
    header = draft.header
    assert (SERIAL, header.boot_id, header.sequence) == (
        decoded.serial,
        decoded.boot_id,
        decoded.sequence,
    )
    assert header.sent_after_us == decoded.sent_after_us
    assert header.is_correction == decoded.is_correction
    assert sum(len(field.values) for field in draft.fields) == decoded.reading_count
    for field, column in zip(draft.fields, decoded.columns, strict=True):
        assert (field.name, field.unit) == (column.name, column.unit)
        assert list(field.observed_at_us) == list(column.observed_at_us)
        carried = column.texts if isinstance(field.values[0], str) else column.numbers
        assert list(field.values) == list(carried)


@given(drafts())
def test_anything_valid_survives_the_wire(draft: Draft) -> None:
    assert_carried(draft)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=1_000)
@given(drafts(count_max=400))
def test_anything_valid_survives_the_wire_at_length(draft: Draft) -> None:
    assert_carried(draft)


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=200))
def test_integers_keep_every_digit(values: list[Value]) -> None:
    assert values == list(decode(encode_one(values)).columns[0].numbers)


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 1_000])
@pytest.mark.parametrize(
    ("value", "column"),
    [
        (True, "bools"),
        (2**53, "integers"),
        (0.1, "decimals"),
        (2.0**-40, "floats"),
        (1e300, "doubles"),
        ("on", "texts"),
    ],
)
def test_every_column_is_used_and_read_at_every_length(
    count: int, value: Value, column: str
) -> None:
    # Alternating signs keep steps from being smaller than the numbers themselves.
    other = value if isinstance(value, bool | str) else -value
    values = [value if index % 2 == 0 else other for index in range(count)]
    body = encode_one(values)
    decoded = decode(body).columns[0]
    assert values == list(decoded.texts if isinstance(value, str) else decoded.numbers)
    assert wire.Batch.FromString(body).fields[0].WhichOneof("values") == column


def test_finite_numbers_whose_squares_are_not_finite_pass() -> None:
    values: list[Value] = [1.7e308, -1.7e308] * 50
    assert values == list(decode(encode_one(values)).columns[0].numbers)


def test_readings_that_are_years_apart_survive_the_wire() -> None:
    times = [NOW_US - 400 * 86_400 * SECOND_US, NOW_US]
    body = encode_measurements(BatchHeader(), [FieldReadings("x", times, [1, 2])])
    assert times == decode(body).columns[0].observed_at_us


def test_fields_that_are_read_together_share_one_column_of_times() -> None:
    times = [NOW_US, NOW_US + 7]
    fields = [FieldReadings(name, times, [1, 2]) for name in ("a", "b", "c")]
    body = encode_measurements(BatchHeader(), fields)
    assert len(wire.Batch.FromString(body).time_columns) == 1
    assert [times] * 3 == [list(column.observed_at_us) for column in decode(body).columns]


@pytest.mark.parametrize(
    ("times", "values"),
    [([], []), ([NOW_US], []), ([NOW_US], [1, 2]), ([NOW_US, NOW_US], ["on", 1.0])],
)
def test_columns_that_do_not_fit_together_are_not_encoded(
    times: list[int], values: list[Value]
) -> None:
    with pytest.raises(ValueError, match="x: "):
        encode_measurements(BatchHeader(), [FieldReadings("x", times, values)])
