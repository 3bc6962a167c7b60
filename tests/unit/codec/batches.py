"""Batches to encode, break and decode: hypothesis strategies and hand-made ones."""

from dataclasses import dataclass

from hypothesis import strategies as st

from weir.codec.encode import BatchHeader, FieldReadings, Value, encode_measurements
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.model.limits import FUTURE_US_MAX, OBSERVED_AT_US_MIN, SEQUENCE_MAX
from weir.telemetry.v1 import measurement_pb2 as wire

SERIAL = "pump-7"
#: 2026-11-21 08:00:00 UTC.
NOW_US = 1_795_248_000_000_000
LATEST_US = NOW_US + FUTURE_US_MAX
SECOND_US = 1_000_000

FIELD_NAMES = st.from_regex(r"[A-Za-z0-9_\-./:\[\]]{1,200}", fullmatch=True)
INSTANTS = st.integers(OBSERVED_AT_US_MIN, LATEST_US)
EXACT_INTEGERS = st.integers(-(2**53), 2**53)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@dataclass(frozen=True)
class Draft:
    """What a device wants to say: a header and fields that the codec must carry unchanged."""

    header: BatchHeader
    fields: list[FieldReadings]

    def encode(self) -> bytes:
        return encode_measurements(self.header, self.fields)


def decode(body: bytes) -> MeasurementBatch:
    batch = decode_measurements(body, SERIAL, NOW_US)
    assert isinstance(batch, MeasurementBatch)
    return batch


def encode_one(values: list[Value], period_us: int = SECOND_US) -> bytes:
    """Encode one field called `x` that ends a second ago."""
    start_us = NOW_US - SECOND_US - len(values) * period_us
    times = [start_us + index * period_us for index in range(len(values))]
    return encode_measurements(BatchHeader(), [FieldReadings("x", times, values)])


def valid_batch() -> wire.Batch:
    """Give a small batch of one integer field, to break in one place."""
    return wire.Batch(
        time_columns=[wire.TimeColumn(start_us=NOW_US, period_us=SECOND_US)],
        fields=[wire.Field(name="x", integers=wire.IntegerColumn(values=[1, 2]))],
    )


@st.composite
def times(draw: st.DrawFn, count: int) -> list[int]:
    """Draw instants that are uniform, jittered or irregular, all plausible."""
    kind = draw(st.sampled_from(["uniform", "jittered", "irregular"]))
    if kind == "irregular":
        return draw(st.lists(INSTANTS, min_size=count, max_size=count))
    period_us = draw(st.integers(0, 3600 * SECOND_US))
    start_us = draw(st.integers(OBSERVED_AT_US_MIN, LATEST_US - period_us * count - SECOND_US))
    if kind == "uniform":
        return [start_us + index * period_us for index in range(count)]
    unit_us = draw(st.sampled_from([1, 1_000]))
    jitter = st.integers(0, SECOND_US // unit_us)
    return [start_us + index * period_us + draw(jitter) * unit_us for index in range(count)]


@st.composite
def values(draw: st.DrawFn, count: int) -> list[Value]:
    """Draw values of one type: every column on the wire occurs."""
    decimals = draw(st.integers(0, 8))
    kind: st.SearchStrategy[Value] = draw(
        st.sampled_from(
            [
                st.booleans(),
                EXACT_INTEGERS,
                st.integers(-100, 100),
                FINITE,
                st.floats(width=32, allow_nan=False, allow_infinity=False),
                st.integers(-(10**9), 10**9).map(lambda n: n / 10**decimals),
                st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40),
            ]
        )
    )
    return draw(st.lists(kind, min_size=count, max_size=count))


@st.composite
def drafts(draw: st.DrawFn, count_max: int = 150) -> Draft:
    """Draw batches of a few fields, some of which share their instants."""
    header = BatchHeader(
        serial=draw(st.sampled_from(["", SERIAL])),
        boot_id=draw(st.integers(0, 2**32 - 1)),
        sequence=draw(st.integers(0, SEQUENCE_MAX)),
        sent_after_us=draw(st.integers(-(2**63), 2**63 - 1)),
        is_correction=draw(st.booleans()),
    )
    fields = []
    instants: list[int] = []
    for _ in range(draw(st.integers(1, 4))):
        if not instants or draw(st.booleans()):
            instants = draw(times(draw(st.integers(1, count_max))))
        fields.append(
            FieldReadings(
                name=draw(FIELD_NAMES),
                observed_at_us=instants,
                values=draw(values(len(instants))),
                unit=draw(st.sampled_from(["", "Cel", "m/s2", "Ω"])),
            )
        )
    return Draft(header, fields)
