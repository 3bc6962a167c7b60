"""Messages that are decoded together come to what each comes to by itself."""

import struct
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.messages import as_stored
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.codec.measurement import MeasurementBatch
from weir.codec.single_join import (
    GROUP_COUNT_MIN,
    SENDERS_MAX,
    SHAPES_OF_A_LENGTH_MAX,
    STORED_BYTES_MAX,
    JoinedSingles,
    SingleJoiner,
)
from weir.codec.telemetry import decode_telemetry
from weir.errors import InvalidMessageError
from weir.model.limits import FUTURE_US_MAX, OBSERVED_AT_US_MIN, SEQUENCE_MAX
from weir.model.names import split_key
from weir.rabbitmq.amqp10 import split_message
from weir.telemetry.v1.measurement_pb2 import QUALITY_BAD, Batch

NOW_US = 1_795_248_000_000_000
SECOND_US = 1_000_000
Row = tuple[str, str, str, int, int, int, float]


def alone(raw: bytes) -> Row | None:
    """Decode a message by itself; None: it is something else than one number, or refused."""
    try:
        key, body = split_message(raw)
        serial, kind = split_key(key)
        batch = decode_telemetry(kind, body, serial, NOW_US)
    except InvalidMessageError:
        return None
    if not isinstance(batch, MeasurementBatch) or batch.is_correction or batch.reading_count != 1:
        return None
    (column,) = batch.columns
    if not len(column.numbers):
        return None
    at, number = int(column.observed_at_us[0]), float(column.numbers[0])
    return serial, column.name, column.unit, column.quality, NOW_US, at, number


def together(joined: JoinedSingles) -> dict[int, Row]:
    readings = joined.readings
    columns = zip(
        joined.rows.tolist(),
        readings.series,
        readings.units,
        readings.qualities.tolist(),
        readings.received_at_us.tolist(),
        readings.observed_at_us.tolist(),
        readings.values.tolist(),
        strict=True,
    )
    return {row: (*series, *rest) for row, series, *rest in columns}


def join(stored: Sequence[bytes], joiner: SingleJoiner | None = None) -> dict[int, Row]:
    joined = (joiner or SingleJoiner()).join(stored, np.full(len(stored), NOW_US), split_message)
    if joined is None:
        return {}
    keys = [split_message(stored[row])[0] for row in joined.rows]
    assert keys == joined.routing_keys
    assert sorted(joined.rows) == list(joined.rows)
    return together(joined)


def message(
    number: int,
    value: float | bool | str = 21.5,
    *,
    at_us: int = NOW_US,
    header: BatchHeader | None = None,
    unit: str = "",
) -> bytes:
    serial = f"pump-{number % 90 + 10}"
    header = header or BatchHeader(boot_id=7, sequence=number + 200)
    field = FieldReadings("temperature", [at_us + number], [value], unit)
    return as_stored(serial, encode_measurements(header, [field]))


def many(value: float | bool | str = 21.5, **how: object) -> list[bytes]:
    return [message(number, value, **how) for number in range(GROUP_COUNT_MIN)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [21.5, 1.0, -3, 2**53, -(2**53), 0.1 + 0.2, 1e300, struct.unpack("<f", b"\xbe\x02\x83\xbe")[0]],
)
def test_numbers_of_every_form_are_joined(value: float) -> None:
    stored = many(value)
    assert dict(enumerate(map(alone, stored))) == join(stored)


def test_unit_quality_and_serial_in_the_body_are_kept() -> None:
    bodies = []
    for raw in many(unit="Cel"):
        key, body = split_message(raw)
        batch = Batch.FromString(body)
        batch.serial = split_key(key)[0]
        batch.fields[0].quality = QUALITY_BAD
        bodies.append(as_stored(batch.serial, batch.SerializeToString()))

    rows = join(bodies)

    assert dict(enumerate(map(alone, bodies))) == rows
    assert {("Cel", QUALITY_BAD)} == {row[2:4] for row in rows.values()}


@pytest.mark.parametrize(
    "odd",
    [
        message(1, at_us=OBSERVED_AT_US_MIN - 10),
        message(1, at_us=NOW_US + FUTURE_US_MAX + 10),
        message(1, header=BatchHeader(boot_id=7, sequence=SEQUENCE_MAX + 1)),
        message(1, header=BatchHeader(boot_id=7, sequence=201, is_correction=True)),
        message(1, header=BatchHeader(serial="other", boot_id=7, sequence=201)),
        message(1, "text"),
        message(1, value=True),
        message(1)[:-1],
        message(1).replace(b"sensor.", b"Sensor."),
        message(1).replace(b"pump-11", b"pump.11"),
        message(1).replace(b"pump-11", b"pump\xff11"),
        message(1).replace(b"temperature", b"temper\xfftu\xff\xff"),
        message(1).replace(b".measurements", b".measuremints"),
        message(1) + b"\x00\x53\x78\xc1\x01\x00",
    ],
)
def test_what_is_not_to_be_stored_as_a_number_is_left_alone(odd: bytes) -> None:
    usual = many()
    assert GROUP_COUNT_MIN not in join([*usual, odd])
    # As the first of its kind, too, from which a shape would be learned; and among many like it.
    rows = join([odd, *usual])
    assert dict(enumerate(map(alone, usual), start=1)) == rows or not rows
    for row, found in join([odd] * GROUP_COUNT_MIN).items():
        assert alone(odd) == found, row


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_number_that_is_not_finite_is_left_alone(bad: float) -> None:
    usual = many(0.1 + 0.2)
    plain, broken = struct.pack("<d", 0.1 + 0.2), struct.pack("<d", bad)
    odd = usual[3].replace(plain, broken)
    assert alone(odd) is None
    assert 3 not in join([*usual[:3], odd, *usual[4:], *usual])


def test_a_serial_that_does_not_match_its_key_is_left_alone() -> None:
    stored = many()
    named = [
        as_stored(
            "pump-10",
            encode_measurements(
                BatchHeader("pump-10", 7, 1), [FieldReadings("t", [NOW_US + at], [1.0])]
            ),
        )
        for at in range(GROUP_COUNT_MIN)
    ]
    odd = named[0].replace(b"\x0a\x07pump-10", b"\x0a\x07pump-99")
    rows = join([*named, odd, *stored])
    assert GROUP_COUNT_MIN not in rows
    assert 2 * GROUP_COUNT_MIN == len(rows)


def test_when_nothing_that_looks_right_may_be_stored_nothing_is_joined() -> None:
    joiner = SingleJoiner()
    assert join(many(), joiner)
    bad = many(at_us=NOW_US + FUTURE_US_MAX + SECOND_US)
    assert {len(raw) for raw in bad} == {len(raw) for raw in many()}
    assert not join(bad, joiner)


def test_a_quality_of_any_number_is_kept() -> None:
    bodies = []
    for number in (40_000, -40_000):
        batch = Batch.FromString(split_message(message(1))[1])
        batch.fields[0].quality = number  # type: ignore[assignment]
        bodies.append(as_stored("pump-1", batch.SerializeToString()))
    for raw in bodies:
        stored = [raw] * GROUP_COUNT_MIN
        assert dict(enumerate(map(alone, stored))) == join(stored)


def test_what_comes_behind_the_body_moves_nothing() -> None:
    inner = encode_measurements(BatchHeader(), [FieldReadings("temperature", [NOW_US], [1.5])])
    forged = b"\x00\x53\x75\xa0" + bytes([len(inner)]) + inner
    for number in range(GROUP_COUNT_MIN):
        raw = message(number)
        footer = b"\x00\x53\x78\xb0" + len(forged).to_bytes(4) + forged
        rows = join([raw + footer] * GROUP_COUNT_MIN)
        assert all(alone(raw) == row for row in rows.values())


def test_a_signalling_nan_is_left_alone() -> None:
    usual = many(struct.unpack("<f", b"\xbe\x02\x83\xbe")[0])
    odd = usual[3].replace(b"\xbe\x02\x83\xbe", b"\x01\x00\xa0\x7f")
    assert 3 not in join([*usual[:3], odd, *usual[4:], *usual])


def test_devices_that_the_store_refuses_are_left_out_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("weir.codec.single_join.LEFT_OUT_COUNT", 3)
    joiner = SingleJoiner()
    stored = [*many(), message(99)]
    everything = set(range(len(stored)))
    assert everything == join(stored, joiner).keys()
    joiner.leave_out({"pump-19"})
    assert [everything - {9, 16}] * 2 == [set(join(stored, joiner)) for _ in range(2)]
    assert everything == join(stored, joiner).keys()


def test_few_are_left_alone() -> None:
    assert not join(many()[1:])


def test_long_ones_are_left_alone() -> None:
    fields = [FieldReadings("temperature", [NOW_US], ["x" * STORED_BYTES_MAX])]
    raw = as_stored("pump-1", encode_measurements(BatchHeader(), fields))
    assert not join([raw] * GROUP_COUNT_MIN)


def test_shapes_and_senders_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    joiner = SingleJoiner()
    for number in range(3 * SHAPES_OF_A_LENGTH_MAX):
        name = f"field-{number + 10}"
        field = FieldReadings(name, [NOW_US], [0.1 + 0.2])
        raw = as_stored("pump-1", encode_measurements(BatchHeader(), [field]))
        assert GROUP_COUNT_MIN == len(join([raw] * GROUP_COUNT_MIN, joiner))
    assert all(len(shapes) <= SHAPES_OF_A_LENGTH_MAX for shapes in joiner._shapes.values())

    assert SENDERS_MAX >= 50_000
    monkeypatch.setattr("weir.codec.single_join.SENDERS_MAX", 40)
    for start in range(0, 90, 15):
        stored = [message(number) for number in range(start, start + GROUP_COUNT_MIN)]
        assert GROUP_COUNT_MIN == len(join(stored, joiner))
    assert len(joiner._senders) <= 40


bodies = st.builds(
    Batch.SerializeToString,
    st.builds(
        Batch,
        serial=st.sampled_from(["", "", "a-1", "a-2"]),
        boot_id=st.sampled_from([0, 1, 2**32 - 1]),
        sequence=st.sampled_from([0, 1, 2, 300, 2**53, 2**53 + 1, 2**64 - 1]),
        sent_after_us=st.sampled_from([0, 5, -5]),
        mode=st.sampled_from([0, 0, 0, 1, 2]),
        time_columns=st.lists(
            st.fixed_dictionaries(
                {"start_us": st.sampled_from([NOW_US, NOW_US + 1, 0, -1, NOW_US + 2**50])},
                optional={
                    "period_us": st.just(5),
                    "tick_us": st.just(3),
                    "deltas": st.lists(st.integers(-5, 5), max_size=2),
                },
            ),
            max_size=2,
        ),
        fields=st.lists(
            st.one_of(
                *(
                    st.fixed_dictionaries(
                        {
                            "name": st.sampled_from(["t", "u", ""]),
                            kind: st.fixed_dictionaries(
                                {column: st.lists(value, min_size=1, max_size=2)}, optional=optional
                            ),
                        },
                        optional={
                            "unit": st.sampled_from(["Cel", "K"]),
                            "quality": st.integers(-(2**31), 2**31 - 1),
                            "time_column": st.integers(0, 1),
                        },
                    )
                    for kind, column, value, optional in [
                        ("doubles", "values", st.floats(), {}),
                        ("floats", "values", st.floats(width=32), {}),
                        ("integers", "values", st.integers(-(2**63), 2**63 - 1), {}),
                        (
                            "decimals",
                            "steps",
                            st.integers(-(2**55), 2**55),
                            {"exponent": st.integers(-17, 17)},
                        ),
                        ("bools", "values", st.booleans(), {}),
                        ("texts", "values", st.text(max_size=3), {}),
                    ]
                )
            ),
            max_size=2,
        ),
    ),
)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.sampled_from(["a-1", "a-2", "a-3"]), bodies), min_size=1, max_size=4),
    st.data(),
)
def test_whatever_comes_what_is_joined_is_what_each_comes_to(
    kinds: list[tuple[str, bytes]], data: st.DataObject
) -> None:
    stored = [as_stored(*kind) for kind in kinds for _ in range(GROUP_COUNT_MIN)]
    for _ in range(data.draw(st.integers(0, 8))):
        row = data.draw(st.integers(0, len(stored) - 1))
        at = data.draw(st.integers(0, len(stored[row]) - 1))
        byte = bytes([data.draw(st.integers(0, 255))])
        stored[row] = stored[row][:at] + byte + stored[row][at + 1 :]

    rows = join(stored)

    for row, found in rows.items():
        assert alone(stored[row]) == found
    if len(kinds) == 1 and all(raw == stored[0] for raw in stored):
        # Nothing usual is left out.
        is_plain = alone(stored[0]) is not None and kinds[0][1] == _spelled_again(kinds[0][1])
        assert np.isin(len(rows), [0, len(stored)])
        assert bool(rows) or not is_plain or not _is_ordinary(kinds[0][1])


def _spelled_again(body: bytes) -> bytes:
    return Batch.FromString(body).SerializeToString()


def _is_ordinary(body: bytes) -> bool:
    batch = Batch.FromString(body)
    (field,) = batch.fields
    times = batch.time_columns
    has_number = field.WhichOneof("values") in {"doubles", "floats", "integers", "decimals"}
    is_small = batch.sequence < 2**63
    return (
        has_number
        and is_small
        and batch.mode == 0
        and not field.time_column
        and len(times) == 1
        and not (times[0].period_us or times[0].tick_us or times[0].deltas)
    )
