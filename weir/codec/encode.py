"""Encode measurement batches as small as they get, without numpy: this runs on small devices.

Of the ways to write a column the smallest is chosen: integers as they are, decimals as differences
of scaled integers, else doubles or (where nothing is lost) floats.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from uuid import UUID

from weir.codec.wire import TICK_US_DEFAULT
from weir.model.limits import INTEGER_MAGNITUDE_MAX, PERIOD_US_MAX
from weir.telemetry.v1.measurement_pb2 import (
    MODE_CORRECTION,
    MODE_DELETION,
    MODE_UNSPECIFIED,
    Batch,
    DecimalColumn,
    Field,
    IntegerColumn,
    TimeColumn,
)

Value = float | int | bool | str

#: Sensors give few decimals; more than this is noise, and doubles are smaller.
DECIMALS_MAX = 6
#: Above this magnitude, scaled doubles are no longer exact integers.
_SCALED_MAX = float(INTEGER_MAGNITUDE_MAX)


@dataclass(frozen=True, slots=True)
class FieldReadings:
    """Readings of one field to be sent: times in microseconds since 1970-01-01 UTC, in order.

    `values`: of one type, as many as times, at least one.
    """

    name: str
    observed_at_us: Sequence[int]
    values: Sequence[Value]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """Who sends a batch, and where it stands among the device's batches; see `proto/`."""

    serial: str = ""
    boot_id: int = 0
    sequence: int = 0
    sent_after_us: int = 0
    is_correction: bool = False


def encode_deletion(deletion_id: UUID) -> bytes:
    """Encode the batch that lets a deletion take its turn among the readings of its device."""
    return Batch(mode=MODE_DELETION, deletion_id=deletion_id.bytes).SerializeToString()


def encode_measurements(header: BatchHeader, fields: Sequence[FieldReadings]) -> bytes:
    """Encode one batch; fields that share their times share one column of times.

    Raises:
        ValueError: a field without values, with another number of times than values, with texts
            among numbers, or with an integer of more than 64 bits.
    """
    batch = Batch(
        serial=header.serial,
        boot_id=header.boot_id,
        sequence=header.sequence,
        sent_after_us=header.sent_after_us,
        mode=MODE_CORRECTION if header.is_correction else MODE_UNSPECIFIED,
    )
    columns: dict[Sequence[int], int] = {}
    for readings in fields:
        if not readings.values or len(readings.values) != len(readings.observed_at_us):
            raise ValueError(
                f"{readings.name}: {len(readings.values)} values, "
                f"{len(readings.observed_at_us)} times"
            )
        times = _hashable(readings.observed_at_us)
        if times not in columns:
            columns[times] = len(columns)
            batch.time_columns.append(encode_times(times))
        field = batch.fields.add(name=readings.name, unit=readings.unit, time_column=columns[times])
        _fill_values(field, readings.values)
    return batch.SerializeToString()


def encode_times(times_us: Sequence[int]) -> TimeColumn:
    """Encode instants as a start, the commonest distance, and what each is off it."""
    if isinstance(times_us, range) and 0 < times_us.step <= PERIOD_US_MAX and len(times_us) > 1:
        return TimeColumn(start_us=times_us.start, period_us=times_us.step)
    distances = [later - earlier for earlier, later in pairwise(times_us)]
    if not distances:
        return TimeColumn(start_us=times_us[0])
    commonest_us = Counter(distances).most_common(1)[0][0]
    period_us = commonest_us if 0 <= commonest_us <= PERIOD_US_MAX else 0
    offsets = [distance - period_us for distance in distances]
    if not any(offsets):
        return TimeColumn(start_us=times_us[0], period_us=period_us)
    if any(offset % TICK_US_DEFAULT for offset in offsets):
        return TimeColumn(start_us=times_us[0], period_us=period_us, tick_us=1, deltas=offsets)
    ticks = [offset // TICK_US_DEFAULT for offset in offsets]
    return TimeColumn(start_us=times_us[0], period_us=period_us, deltas=ticks)


def _hashable(times_us: Sequence[int]) -> Sequence[int]:
    # Times that are computed stay a range: it is hashed by its ends, 25 000 of them at once.
    return times_us if isinstance(times_us, range) else tuple(times_us)


def _fill_values(field: Field, values: Sequence[Value]) -> None:
    texts = [value for value in values if isinstance(value, str)]
    numbers = [value for value in values if not isinstance(value, str)]
    if texts and numbers:
        raise ValueError(f"{field.name}: texts among numbers")
    if texts:
        field.texts.values.extend(texts)
    elif all(isinstance(value, bool) for value in numbers):
        field.bools.values.extend(bool(value) for value in numbers)
    elif all(isinstance(value, int) for value in numbers):
        _fill_integers(field, [int(value) for value in numbers])
    else:
        _fill_floats(field, [float(value) for value in numbers])


def _fill_integers(field: Field, values: list[int]) -> None:
    plain = IntegerColumn(values=values)
    steps = DecimalColumn(steps=_steps(values))
    if steps.ByteSize() < plain.ByteSize():
        field.decimals.CopyFrom(steps)
    else:
        field.integers.CopyFrom(plain)


def _fill_floats(field: Field, values: list[float]) -> None:
    bytes_each = 4 if _are_single(values) else 8
    decimals = _as_decimals(values)
    if decimals is not None and decimals.ByteSize() < bytes_each * len(values):
        field.decimals.CopyFrom(decimals)
    elif bytes_each == 4:  # noqa: PLR2004 - the width of a float on the wire
        field.floats.values.extend(values)
    else:
        field.doubles.values.extend(values)


def _as_decimals(values: list[float]) -> DecimalColumn | None:
    # The decoder divides by the same power of ten, so equality here is equality there.
    if not all(map(isfinite, values)):
        return None
    largest = max(map(abs, values))
    for decimals in range(DECIMALS_MAX + 1):
        scale = 10.0**decimals
        if largest * scale >= _SCALED_MAX:
            return None
        if all(round(value * scale) / scale == value for value in values):
            scaled = [round(value * scale) for value in values]
            return DecimalColumn(steps=_steps(scaled), exponent=-decimals)
    return None


def _steps(values: list[int]) -> list[int]:
    return [values[0], *(later - earlier for earlier, later in pairwise(values))]


def _are_single(values: list[float]) -> bool:
    # What single precision cannot hold becomes infinite there, which no value is.
    return array("f", values).tolist() == values
