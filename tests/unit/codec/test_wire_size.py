"""Size on the wire is a feature: what a reading may cost at most."""

from benchmarks.wire_size import FLOATS, SLOW, json_bytes, protobuf_bytes
from tests.unit.codec.batches import decode
from weir.codec.encode import BatchHeader, encode_measurements


def test_a_reading_of_a_slowly_changing_sensor_costs_3_bytes() -> None:
    assert protobuf_bytes(SLOW.readings(60)) / 60 <= 3.0


def test_a_reading_of_a_uniform_float_signal_costs_4_and_a_half_bytes() -> None:
    assert protobuf_bytes(FLOATS.readings(100)) / 100 <= 4.5


def test_both_are_a_tenth_of_json_and_lose_nothing() -> None:
    for readings in (SLOW.readings(60), FLOATS.readings(100)):
        assert protobuf_bytes(readings) * 10 < json_bytes(readings)
        body = encode_measurements(BatchHeader(), [readings])
        (column,) = decode(body).columns
        assert list(readings.values) == list(column.numbers)
        assert list(readings.observed_at_us) == list(column.observed_at_us)
