"""Decode a column of instants: a start, a period, and how far each instant is off it."""

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from weir.codec.columns import NUMPY_COUNT_MIN, all_within
from weir.codec.wire import TICK_US_DEFAULT
from weir.errors import DecodeError, ImplausibleReadingError
from weir.model.limits import FUTURE_US_MAX, OBSERVED_AT_US_MIN, PERIOD_US_MAX
from weir.telemetry.v1.measurement_pb2 import TimeColumn

#: 285 years: a larger distance cannot lead from one plausible instant to another.
_DISTANCE_US_MAX = 2**53


def decode_times(
    column: TimeColumn, count: int, field: str, received_at_us: int
) -> list[int] | NDArray[np.int64]:
    """Give the `count` instants of a column, microseconds since 1970-01-01 UTC.

    Raises:
        DecodeError: the column has another number of instants than the field has values.
        ImplausibleReadingError: an instant before 2000 or over a day after `received_at_us`.
    """
    start_us, period_us, deltas = column.start_us, column.period_us, column.deltas
    latest_us = received_at_us + FUTURE_US_MAX
    if count == 1 and not period_us and not deltas:
        # A single reading, as most devices send them, needs no more than this.
        if not OBSERVED_AT_US_MIN <= start_us <= latest_us:
            raise _implausible(start_us, latest_us, field)
        return [start_us]
    delta_count = len(deltas)
    if delta_count and delta_count != count - 1:
        raise DecodeError(f"{field}: {count} values, {delta_count + 1} times")
    last_us = _check_uniform(column, 1 if delta_count else count, latest_us, field)
    if count == 1:
        return [start_us]
    if delta_count == 0:
        if count < NUMPY_COUNT_MIN or period_us == 0:
            return [start_us + period_us * index for index in range(count)]
        return np.arange(start_us, last_us + 1, period_us)
    tick_us = column.tick_us or TICK_US_DEFAULT
    if count < NUMPY_COUNT_MIN:
        distances = (period_us + delta * tick_us for delta in deltas[:])
        times = list(accumulate(distances, initial=start_us))
        if min(times) < OBSERVED_AT_US_MIN or max(times) > latest_us:
            raise _implausible(min(times), latest_us, field)
        return times
    return _accumulate(column, tick_us, latest_us, field)


def uniform_span(
    column: TimeColumn, count: int, field: str, received_at_us: int
) -> tuple[int, int]:
    """Give the first and the last instant of a column without deltas.

    Raises:
        ImplausibleReadingError: an instant before 2000 or over a day after `received_at_us`.
    """
    latest_us = received_at_us + FUTURE_US_MAX
    return column.start_us, _check_uniform(column, count, latest_us, field)


def _check_uniform(column: TimeColumn, count: int, latest_us: int, field: str) -> int:
    """Give the last of some instants of which each is a period after the one before."""
    start_us, period_us = column.start_us, column.period_us
    if period_us > PERIOD_US_MAX:
        raise ImplausibleReadingError(f"{field}: a period of over a year")
    if not OBSERVED_AT_US_MIN <= start_us <= latest_us:
        raise _implausible(start_us, latest_us, field)
    last_us = start_us + period_us * (count - 1)
    if last_us > latest_us:
        raise _implausible(last_us, latest_us, field)
    return last_us


def _accumulate(column: TimeColumn, tick_us: int, latest_us: int, field: str) -> NDArray[np.int64]:
    # 64-bit arithmetic wraps around and may then look plausible. It cannot where every distance is
    # bounded: the first sum that leaves the range does so by too little to come round.
    deltas = np.array(column.deltas, dtype=np.int64)
    delta_max = _DISTANCE_US_MAX // tick_us
    if not all_within(deltas, -delta_max, delta_max):
        raise ImplausibleReadingError(f"{field}: two readings that are 285 years apart")
    times = np.empty(len(deltas) + 1, dtype=np.int64)
    times[0] = column.start_us
    np.multiply(deltas, tick_us, out=times[1:])
    times[1:] += column.period_us
    np.add.accumulate(times, out=times)
    if not all_within(times, OBSERVED_AT_US_MIN, latest_us):
        raise _implausible(int(times.min()), latest_us, field)
    return times


def _implausible(earliest_us: int, latest_us: int, field: str) -> ImplausibleReadingError:
    if earliest_us < OBSERVED_AT_US_MIN:
        return ImplausibleReadingError(f"{field}: a reading before 2000 ({earliest_us} us)")
    return ImplausibleReadingError(f"{field}: a reading after {latest_us} us, over a day ahead")
