"""Every bound of `weir.model.limits`, reached and crossed, on the measurement path."""

import math

import pytest

from tests.unit.codec.batches import (
    LATEST_US,
    NOW_US,
    SECOND_US,
    SERIAL,
    decode,
    encode_one,
    valid_batch,
)
from weir.codec.measurement import decode_header, decode_measurements
from weir.errors import (
    DecodeError,
    ImplausibleReadingError,
    InvalidMessageError,
    OversizeError,
    WrongSerialError,
)
from weir.model.limits import (
    DECIMAL_EXPONENT_MAX,
    FIELD_COUNT_MAX,
    MESSAGE_BYTES_MAX,
    OBSERVED_AT_US_MIN,
    PERIOD_US_MAX,
    READING_COUNT_MAX,
    SEQUENCE_MAX,
    TEXT_LENGTH_MAX,
    UNIT_LENGTH_MAX,
)
from weir.telemetry.v1 import measurement_pb2 as wire

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
#: Columns below and above the length at which numpy takes over.
COUNTS = (2, 100)


def times_refused(column: wire.TimeColumn, count: int, error: type[InvalidMessageError]) -> None:
    field = wire.Field(name="x", integers=wire.IntegerColumn(values=[0] * count))
    batch = wire.Batch(time_columns=[column], fields=[field])
    with pytest.raises(error):
        decode(batch.SerializeToString())


def values_refused(error: type[InvalidMessageError], **values: object) -> None:
    batch = wire.Batch(
        time_columns=[wire.TimeColumn(start_us=NOW_US)],
        fields=[wire.Field(name="x", **values)],  # type: ignore[arg-type] # one column each
    )
    with pytest.raises(error):
        decode(batch.SerializeToString())


@pytest.mark.parametrize("start_us", [OBSERVED_AT_US_MIN, LATEST_US])
def test_the_first_and_the_last_plausible_instant_pass(start_us: int) -> None:
    batch = valid_batch()
    batch.time_columns[0].CopyFrom(wire.TimeColumn(start_us=start_us))
    assert [start_us] * 2 == decode(batch.SerializeToString()).columns[0].observed_at_us


@pytest.mark.parametrize("count", [1, *COUNTS])
@pytest.mark.parametrize(
    "start_us", [OBSERVED_AT_US_MIN - 1, LATEST_US + 1, 0, INT64_MIN, INT64_MAX]
)
def test_a_start_before_2000_or_over_a_day_ahead_is_implausible(start_us: int, count: int) -> None:
    times_refused(wire.TimeColumn(start_us=start_us), count, ImplausibleReadingError)


@pytest.mark.parametrize("count", COUNTS)
def test_a_uniform_column_that_ends_in_the_future_is_implausible(count: int) -> None:
    last_us = LATEST_US + 1
    start_us = last_us - (count - 1) * SECOND_US
    column = wire.TimeColumn(start_us=start_us, period_us=SECOND_US)
    times_refused(column, count, ImplausibleReadingError)


@pytest.mark.parametrize("count", [1, *COUNTS])
def test_a_period_of_over_a_year_is_implausible(count: int) -> None:
    for period_us in (PERIOD_US_MAX + 1, 2**63, 2**64 - 1):
        column = wire.TimeColumn(start_us=OBSERVED_AT_US_MIN, period_us=period_us)
        times_refused(column, count, ImplausibleReadingError)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("delta", [INT64_MIN, INT64_MAX, 2**62, 2**53, -(2**53)])
@pytest.mark.parametrize("tick_us", [0, 1, 2**32 - 1])
def test_one_far_delta_is_implausible(count: int, delta: int, tick_us: int) -> None:
    deltas = [0] * (count - 2) + [delta]
    column = wire.TimeColumn(start_us=NOW_US, tick_us=tick_us, deltas=deltas)
    times_refused(column, count, ImplausibleReadingError)


@pytest.mark.parametrize(
    ("count", "tick_us", "deltas"),
    [
        # Each pair of steps adds up to 2^64, which is nothing in 64 bits.
        (101, 1, [2**62, 2**62, 2**62, 2**62] * 25),
        (101, 1, [INT64_MAX, INT64_MAX, 1, 1] * 25),
        # The product of delta and tick is a multiple of 2^64.
        (101, 2**31, [2**33] * 100),
        # Bounded steps that only together go round.
        (2**11 + 1, 1, [2**53] * 2**11),
        (2**14 + 1, 1, [2**50] * 2**14),
        (5, 1, [2**62, 2**62, 2**62, 2**62]),
    ],
)
def test_deltas_that_wrap_around_to_now_are_implausible(
    count: int, tick_us: int, deltas: list[int]
) -> None:
    column = wire.TimeColumn(start_us=NOW_US, tick_us=tick_us, deltas=deltas)
    times_refused(column, count, ImplausibleReadingError)


def test_a_detour_over_the_future_is_implausible_though_the_end_is_not() -> None:
    for count in (3, 101):
        deltas = [0] * (count - 3) + [86_500_000, -86_500_000]
        times_refused(
            wire.TimeColumn(start_us=NOW_US, deltas=deltas), count, ImplausibleReadingError
        )


@pytest.mark.parametrize("delta_count", [1, 3, 98, 100])
def test_as_many_times_as_values_or_a_decode_error(delta_count: int) -> None:
    column = wire.TimeColumn(start_us=NOW_US, deltas=[0] * delta_count)
    times_refused(column, 100 if delta_count > 50 else 3, DecodeError)


@pytest.mark.parametrize("repeat", COUNTS)
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_implausible(number: float, repeat: int) -> None:
    values = [1.0] * (repeat - 1) + [number]
    values_refused(ImplausibleReadingError, doubles=wire.DoubleColumn(values=values))
    values_refused(ImplausibleReadingError, floats=wire.FloatColumn(values=values))


@pytest.mark.parametrize("repeat", COUNTS)
@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, INT64_MAX, INT64_MIN])
def test_integers_beyond_2_to_the_53_are_implausible(number: int, repeat: int) -> None:
    values = [0] * (repeat - 1) + [number]
    values_refused(ImplausibleReadingError, integers=wire.IntegerColumn(values=values))
    values_refused(ImplausibleReadingError, decimals=wire.DecimalColumn(steps=values))


@pytest.mark.parametrize(
    "steps",
    [
        [INT64_MIN, INT64_MIN] * 50,
        [INT64_MAX, INT64_MAX, 2] * 50,
        [2**62] * 100,
        [2**53] * 2_048,
        [2**54] * 1_024,
        [INT64_MIN] * 2,
    ],
)
def test_decimal_steps_that_wrap_around_are_implausible(steps: list[int]) -> None:
    values_refused(ImplausibleReadingError, decimals=wire.DecimalColumn(steps=steps))


@pytest.mark.parametrize("repeat", COUNTS)
def test_the_largest_exact_integers_pass_side_by_side(repeat: int) -> None:
    values = [2**53, -(2**53)] * (repeat // 2)
    batch = valid_batch()
    batch.time_columns[0].CopyFrom(wire.TimeColumn(start_us=NOW_US))
    batch.fields[0].integers.CopyFrom(wire.IntegerColumn(values=values))
    assert values == list(decode(batch.SerializeToString()).columns[0].numbers)
    steps = [2**53] + [-(2**54), 2**54] * repeat
    batch.fields[0].decimals.CopyFrom(wire.DecimalColumn(steps=steps))
    decoded = list(decode(batch.SerializeToString()).columns[0].numbers)
    assert [2.0**53] + [-(2.0**53), 2.0**53] * repeat == decoded


@pytest.mark.parametrize("repeat", COUNTS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_decimal_exponent_has_a_bound(sign: int, repeat: int) -> None:
    exponent = sign * DECIMAL_EXPONENT_MAX
    batch = valid_batch()
    batch.time_columns[0].CopyFrom(wire.TimeColumn(start_us=NOW_US))
    batch.fields[0].decimals.CopyFrom(wire.DecimalColumn(steps=[3] * repeat, exponent=exponent))
    expected = [float(f"{3 * n}e{exponent}") for n in range(1, repeat + 1)]
    assert expected == list(decode(batch.SerializeToString()).columns[0].numbers)
    beyond = wire.DecimalColumn(steps=[3] * repeat, exponent=exponent + sign)
    values_refused(ImplausibleReadingError, decimals=beyond)


def test_texts_have_a_bound_and_no_zero_character() -> None:
    assert decode(encode_one(["x" * TEXT_LENGTH_MAX])).reading_count == 1
    values_refused(OversizeError, texts=wire.TextColumn(values=["x" * (TEXT_LENGTH_MAX + 1)]))
    values_refused(ImplausibleReadingError, texts=wire.TextColumn(values=["a\0b"]))


def test_the_number_of_readings_has_a_bound_over_all_fields() -> None:
    half = READING_COUNT_MAX // 2
    batch = valid_batch()
    batch.time_columns[0].CopyFrom(wire.TimeColumn(start_us=NOW_US))
    batch.fields[0].bools.CopyFrom(wire.BoolColumn(values=[True] * half))
    batch.fields.add(name="y", bools=wire.BoolColumn(values=[True] * half))
    assert decode(batch.SerializeToString()).reading_count == READING_COUNT_MAX
    batch.fields[1].bools.values.append(True)
    with pytest.raises(OversizeError, match="65536 readings"):
        decode(batch.SerializeToString())


def test_the_number_of_fields_and_of_time_columns_has_a_bound() -> None:
    batch = valid_batch()
    for index in range(FIELD_COUNT_MAX - 1):
        batch.fields.add(name=f"y{index}").CopyFrom(batch.fields[0])
        batch.time_columns.add(start_us=NOW_US)
    assert len(decode(batch.SerializeToString()).columns) == FIELD_COUNT_MAX
    batch.time_columns.add(start_us=NOW_US)
    with pytest.raises(OversizeError, match="257 time columns"):
        decode(batch.SerializeToString())
    batch.fields.add().CopyFrom(batch.fields[0])
    with pytest.raises(OversizeError, match="257 fields"):
        decode(batch.SerializeToString())


def test_a_message_has_a_bound_in_bytes() -> None:
    body = encode_one(["x" * 4_000] * 131)
    assert len(body) > MESSAGE_BYTES_MAX
    with pytest.raises(OversizeError, match="bytes"):
        decode(body)


@pytest.mark.parametrize("name", ["", "x" * 201, "a b", "a\n", "é", "a,b", "x\0"])
def test_odd_field_names_are_implausible(name: str) -> None:
    batch = valid_batch()
    batch.fields[0].name = name
    with pytest.raises(ImplausibleReadingError, match="not a field name"):
        decode(batch.SerializeToString())


def test_units_have_a_bound() -> None:
    batch = valid_batch()
    batch.fields[0].unit = "Ω" * UNIT_LENGTH_MAX
    assert decode(batch.SerializeToString()).columns[0].unit == "Ω" * UNIT_LENGTH_MAX
    batch.fields[0].unit += "Ω"
    with pytest.raises(OversizeError, match="unit of x"):
        decode(batch.SerializeToString())


@pytest.mark.parametrize("claimed", ["pump-8", "PUMP-7", "pump-7 ", "x" * 300])
def test_a_payload_that_names_another_device_is_refused(claimed: str) -> None:
    batch = valid_batch()
    batch.serial = claimed
    with pytest.raises(WrongSerialError):
        decode(batch.SerializeToString())


def test_nothing_to_decode_is_a_decode_error() -> None:
    batch = valid_batch()
    valueless = [
        wire.Field(name="x"),
        wire.Field(name="x", bools=wire.BoolColumn()),
        wire.Field(name="x", integers=wire.IntegerColumn()),
        wire.Field(name="x", decimals=wire.DecimalColumn()),
        wire.Field(name="x", doubles=wire.DoubleColumn()),
        wire.Field(name="x", texts=wire.TextColumn()),
        wire.Field(name="x", integers=wire.IntegerColumn(values=[1]), time_column=1),
    ]
    for empty in [
        wire.Batch(),
        wire.Batch(fields=batch.fields),
        *(wire.Batch(time_columns=batch.time_columns, fields=[field]) for field in valueless),
    ]:
        with pytest.raises(DecodeError):
            decode(empty.SerializeToString())


def test_a_message_decodes_alike_whenever_it_is_decoded() -> None:
    body = valid_batch().SerializeToString()
    with pytest.raises(ImplausibleReadingError):
        decode_measurements(body, SERIAL, NOW_US - 2 * 86_400 * SECOND_US)
    assert decode(body).reading_count == 2


def test_a_sequence_number_has_a_bound() -> None:
    batch = valid_batch()
    batch.sequence = SEQUENCE_MAX
    assert SEQUENCE_MAX == decode(batch.SerializeToString()).sequence
    assert (batch.boot_id, SEQUENCE_MAX) == decode_header(batch.SerializeToString())

    batch.sequence = SEQUENCE_MAX + 1
    for decode_any in (decode, decode_header):
        with pytest.raises(ImplausibleReadingError):
            decode_any(batch.SerializeToString())
