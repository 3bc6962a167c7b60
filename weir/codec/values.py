"""Decode a column of values into exact doubles, or into texts."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from weir.codec.times import NUMPY_COUNT_MIN
from weir.codec.wire import check_length
from weir.errors import DecodeError, ImplausibleReadingError
from weir.model.limits import DECIMAL_EXPONENT_MAX, INTEGER_MAGNITUDE_MAX, TEXT_LENGTH_MAX
from weir.telemetry.v1.measurement_pb2 import DecimalColumn, Field

Numbers = list[float] | NDArray[np.float64]


def decode_values(field: Field) -> tuple[Numbers, Sequence[str]]:
    """Give the values of a field: numbers, or texts, never both.

    Raises:
        DecodeError: the field has no values of a known type.
        ImplausibleReadingError: a number that is not finite, or not exact as a double.
        OversizeError: a text that is too long.
    """
    match field.WhichOneof("values"):
        case "doubles":
            return _check_finite(field.doubles.values, field.name), ()
        case "floats":
            return _check_finite(field.floats.values, field.name), ()
        case "integers":
            return _check_exact(field.integers.values, field.name), ()
        case "decimals":
            return _decode_decimals(field.decimals, field.name), ()
        case "bools":
            return [float(value) for value in field.bools.values], ()
        case "texts":
            what = f"text of {field.name}"
            return [], [check_length(what, text, TEXT_LENGTH_MAX) for text in field.texts.values]
        case _:
            raise DecodeError(f"{field.name}: no values of a type that is known")


def _check_finite(values: Sequence[float], field: str) -> Numbers:
    if len(values) < NUMPY_COUNT_MIN:
        if not all(map(math.isfinite, values)):
            raise ImplausibleReadingError(f"{field}: a value that is not a finite number")
        return list(values)
    array = np.array(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ImplausibleReadingError(f"{field}: a value that is not a finite number")
    return array


def _check_exact(values: Sequence[int], field: str) -> Numbers:
    if len(values) < NUMPY_COUNT_MIN:
        if any(abs(value) > INTEGER_MAGNITUDE_MAX for value in values):
            raise ImplausibleReadingError(f"{field}: an integer beyond 2^53")
        return [float(value) for value in values]
    array = np.array(values, dtype=np.int64)
    # Not np.abs: the magnitude of the smallest 64-bit integer is not a 64-bit integer.
    if array.max() > INTEGER_MAGNITUDE_MAX or array.min() < -INTEGER_MAGNITUDE_MAX:
        raise ImplausibleReadingError(f"{field}: an integer beyond 2^53")
    return array.astype(np.float64)


def _decode_decimals(column: DecimalColumn, field: str) -> Numbers:
    if abs(column.exponent) > DECIMAL_EXPONENT_MAX:
        raise ImplausibleReadingError(f"{field}: a decimal exponent beyond {DECIMAL_EXPONENT_MAX}")
    steps = np.array(column.steps, dtype=np.int64)
    # 64-bit sums may wrap around; the sums of doubles cannot, and show when the exact ones would.
    rough = np.cumsum(steps.astype(np.float64))
    if len(steps) and np.abs(rough).max() > INTEGER_MAGNITUDE_MAX:
        raise ImplausibleReadingError(f"{field}: a scaled integer beyond 2^53")
    scaled = np.cumsum(steps).astype(np.float64)
    # Dividing by an exact power of ten rounds once, so 215 / 10 is the double that 21.5 is.
    if column.exponent < 0:
        return scaled / 10.0**-column.exponent
    return scaled * 10.0**column.exponent
