"""Decode measurement batches into columns, ready for the database.

This is the hot path. Long columns become numpy arrays by buffer copy; short ones stay Python
lists, because for a few values numpy costs more than it saves (1 value: 4 us against 1 us).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from weir.codec.times import decode_times
from weir.codec.values import decode_values
from weir.codec.wire import check_count, check_field, parse
from weir.errors import DecodeError, OversizeError
from weir.model.limits import FIELD_COUNT_MAX, READING_COUNT_MAX
from weir.model.serial import check_same_serial
from weir.telemetry.v1.measurement_pb2 import MODE_CORRECTION, Batch, Field

Instants: TypeAlias = list[int] | NDArray[np.int64]
Numbers: TypeAlias = list[float] | NDArray[np.float64]


@dataclass(slots=True)
class FieldColumn:
    """The readings of one field: as many instants as values, in the order of measurement.

    `observed_at_us` is microseconds since 1970-01-01 UTC. Exactly one of `numbers` and `texts` is
    filled.
    """

    name: str
    unit: str
    quality: int
    observed_at_us: Instants
    numbers: Numbers
    texts: Sequence[str]


@dataclass(slots=True)
class MeasurementBatch:
    """One publish of one device; `reading_count` is the sum over its columns.

    `received_at_us`: when the broker took it, microseconds since 1970-01-01 UTC.
    """

    serial: str
    received_at_us: int
    boot_id: int
    sequence: int
    sent_after_us: int
    is_correction: bool
    columns: list[FieldColumn]
    reading_count: int


def decode_measurements(body: bytes, serial: str, received_at_us: int) -> MeasurementBatch:
    """Decode one protobuf batch that arrived on the routing key of `serial`.

    `received_at_us` is the broker's time of arrival, so that decoding an old message again has
    the same outcome.

    Raises:
        DecodeError: not a batch, or columns that do not fit together.
        OversizeError: too many bytes, fields, readings or characters.
        WrongSerialError: the batch names another device.
        ImplausibleReadingError: a time or a value out of bounds.
    """
    batch = parse(Batch, body)
    check_same_serial(batch.serial, serial)
    fields = batch.fields
    check_count("fields", len(fields), FIELD_COUNT_MAX)
    check_count("time columns", len(batch.time_columns), FIELD_COUNT_MAX)
    columns = []
    reading_count = 0
    for field in fields:
        column, count = _decode_field(batch, field, received_at_us)
        reading_count += count
        if reading_count > READING_COUNT_MAX:
            raise OversizeError(f"over {READING_COUNT_MAX} readings in one batch")
        columns.append(column)
    return MeasurementBatch(
        serial=serial,
        received_at_us=received_at_us,
        boot_id=batch.boot_id,
        sequence=batch.sequence,
        sent_after_us=batch.sent_after_us,
        is_correction=batch.mode == MODE_CORRECTION,
        columns=columns,
        reading_count=reading_count,
    )


def _decode_field(batch: Batch, field: Field, received_at_us: int) -> tuple[FieldColumn, int]:
    name, unit = field.name, field.unit
    check_field(name, unit)
    if field.time_column >= len(batch.time_columns):
        raise DecodeError(f"{name}: there is no time column {field.time_column}")
    numbers, texts = decode_values(field)
    count = len(numbers) or len(texts)
    check_count(f"values of {name}", count, READING_COUNT_MAX)
    times = decode_times(batch.time_columns[field.time_column], count, name, received_at_us)
    return FieldColumn(name, unit, field.quality, times, numbers, texts), count
