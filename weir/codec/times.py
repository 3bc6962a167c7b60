"""Decode a column of instants: a start, a period, and how far each instant is off it."""

import numpy as np
from numpy.typing import NDArray

from weir.errors import DecodeError, ImplausibleReadingError
from weir.model.limits import FUTURE_US_MAX, OBSERVED_AT_US_MIN, PERIOD_US_MAX
from weir.telemetry.v1.measurement_pb2 import TimeColumn

#: A tick of 0 on the wire is a millisecond.
TICK_US_DEFAULT = 1_000
#: From this many values on, numpy is faster than a list.
NUMPY_COUNT_MIN = 12
#: Doubles hold sums of instants to better than a second; further out is out of bounds anyway.
_ROUNDING_US = 1_000_000


def decode_times(
    column: TimeColumn, count: int, field: str, received_at_us: int
) -> list[int] | NDArray[np.int64]:
    """Give the `count` instants of a column, microseconds since 1970-01-01 UTC.

    Raises:
        DecodeError: the column has another number of instants than the field has values.
        ImplausibleReadingError: an instant before 2000 or over a day after `received_at_us`.
    """
    deltas = column.deltas
    delta_count = len(deltas)
    if delta_count not in (0, count - 1):
        raise DecodeError(f"{field}: {count} values, {delta_count + 1} times")
    start_us, period_us = column.start_us, column.period_us
    latest_us = received_at_us + FUTURE_US_MAX
    if period_us > PERIOD_US_MAX:
        raise ImplausibleReadingError(f"{field}: a period of over a year")
    _check_instant(start_us, latest_us, field)
    if count == 1:
        return [start_us]
    if delta_count == 0:
        last_us = start_us + period_us * (count - 1)
        _check_instant(last_us, latest_us, field)
        if count < NUMPY_COUNT_MIN:
            return [start_us + period_us * index for index in range(count)]
        return np.arange(count, dtype=np.int64) * period_us + start_us
    tick_us = column.tick_us or TICK_US_DEFAULT
    if count < NUMPY_COUNT_MIN:
        times = [start_us]
        for delta in deltas:
            times.append(times[-1] + period_us + delta * tick_us)
            _check_instant(times[-1], latest_us, field)
        return times
    return _accumulate(column, tick_us, latest_us, field)


def _accumulate(column: TimeColumn, tick_us: int, latest_us: int, field: str) -> NDArray[np.int64]:
    # 64-bit sums may wrap around and look plausible; the sums of doubles cannot, and show it.
    deltas = np.array(column.deltas, dtype=np.int64)
    rough = np.cumsum(deltas.astype(np.float64) * tick_us + column.period_us) + column.start_us
    _check_instant(int(rough.min()), latest_us, field, slack_us=_ROUNDING_US)
    _check_instant(int(rough.max()), latest_us, field, slack_us=_ROUNDING_US)
    times = np.empty(len(deltas) + 1, dtype=np.int64)
    times[0] = column.start_us
    times[1:] = deltas * tick_us + column.period_us
    np.cumsum(times, out=times)
    _check_instant(int(times.min()), latest_us, field)
    _check_instant(int(times.max()), latest_us, field)
    return times


def _check_instant(instant_us: int, latest_us: int, field: str, slack_us: int = 0) -> None:
    if instant_us < OBSERVED_AT_US_MIN - slack_us:
        raise ImplausibleReadingError(f"{field}: a reading before 2000 ({instant_us} us)")
    if instant_us > latest_us + slack_us:
        raise ImplausibleReadingError(
            f"{field}: a reading over a day in the future ({instant_us} us)"
        )
