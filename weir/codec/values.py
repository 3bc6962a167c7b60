"""Decode a column of values into exact doubles, or into texts.

Slices of protobuf's lists are lists already, and twice as fast to have as by iteration.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from weir.codec.columns import NUMPY_COUNT_MIN, all_within
from weir.codec.wire import check_length
from weir.errors import DecodeError, ImplausibleReadingError
from weir.model.limits import DECIMAL_EXPONENT_MAX, INTEGER_MAGNITUDE_MAX, TEXT_LENGTH_MAX
from weir.telemetry.v1.measurement_pb2 import DecimalColumn, Field

Numbers = Sequence[float] | NDArray[np.float64]

_EXACT_MAX = INTEGER_MAGNITUDE_MAX
_POWERS = tuple(10.0**exponent for exponent in range(DECIMAL_EXPONENT_MAX + 1))
#: From one end of the exact integers to the other: any larger step leaves them.
_STEP_MAX = 2 * _EXACT_MAX


def decode_values(field: Field, name: str) -> tuple[Numbers, Sequence[str]]:
    """Give the values of the field called `name`: numbers, or texts, never both.

    Raises:
        DecodeError: the field has no values of a known type.
        ImplausibleReadingError: a number that is not finite, or not exact as a double.
        OversizeError: a text that is too long.
    """
    match field.WhichOneof("values"):
        case "floats":
            return _check_finite(field.floats.values, name), ()
        case "doubles":
            return _check_finite(field.doubles.values, name), ()
        case "decimals":
            return _decode_decimals(field.decimals, name), ()
        case "integers":
            return _check_exact(field.integers.values, name), ()
        case "bools":
            return [float(value) for value in field.bools.values[:]], ()
        case "texts":
            what = f"text of {name}"
            return [], [check_length(what, text, TEXT_LENGTH_MAX) for text in field.texts.values[:]]
        case _:
            raise DecodeError(f"{name}: no values of a type that is known")


def _check_finite(values: Sequence[float], name: str) -> Numbers:
    count = len(values)
    if count == 1:
        number = values[0]
        if not isfinite(number):
            raise ImplausibleReadingError(f"{name}: a value that is not a finite number")
        return [number]
    if count < NUMPY_COUNT_MIN:
        numbers = values[:]
        if not isfinite(sum(numbers)) and not all(map(isfinite, numbers)):
            raise ImplausibleReadingError(f"{name}: a value that is not a finite number")
        return numbers
    array = np.array(values, dtype=np.float64)
    # Counting is twice as fast as `all`.
    if np.count_nonzero(np.isfinite(array)) < len(array):
        raise ImplausibleReadingError(f"{name}: a value that is not a finite number")
    return array


def _check_exact(values: Sequence[int], name: str) -> Numbers:
    if len(values) < NUMPY_COUNT_MIN:
        integers = values[:]
        if integers and (max(integers) > _EXACT_MAX or min(integers) < -_EXACT_MAX):
            raise _inexact(name)
        return [float(value) for value in integers]
    array = np.array(values, dtype=np.int64)
    if not all_within(array, -_EXACT_MAX, _EXACT_MAX):
        raise _inexact(name)
    return array.astype(np.float64)


def _decode_decimals(column: DecimalColumn, name: str) -> Numbers:
    exponent, steps = column.exponent, column.steps
    if abs(exponent) > DECIMAL_EXPONENT_MAX:
        raise ImplausibleReadingError(f"{name}: a decimal exponent beyond {DECIMAL_EXPONENT_MAX}")
    # Dividing by an exact power of ten rounds once, so 215 / 10 is the double that 21.5 is.
    power = _POWERS[abs(exponent)]
    if len(steps) < NUMPY_COUNT_MIN:
        exact = list(accumulate(steps[:]))
        if exact and (max(exact) > _EXACT_MAX or min(exact) < -_EXACT_MAX):
            raise _inexact(name)
        return [n / power for n in exact] if exponent < 0 else [n * power for n in exact]
    sums = np.array(steps, dtype=np.int64)
    # With bounded steps, the first sum that is out of range is so by too little to wrap around.
    if not all_within(sums, -_STEP_MAX, _STEP_MAX):
        raise _inexact(name)
    np.add.accumulate(sums, out=sums)
    if not all_within(sums, -_EXACT_MAX, _EXACT_MAX):
        raise _inexact(name)
    scaled = sums.astype(np.float64)
    return scaled / power if exponent < 0 else scaled * power


def _inexact(name: str) -> ImplausibleReadingError:
    return ImplausibleReadingError(f"{name}: an integer beyond 2^53, which doubles round")
