"""Where the ticks of an axis are, and what they say. Pure."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo

_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400
#: Distances that people count in.
_STEPS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE_S * count for count in (1, 2, 5, 10, 15, 30)),
    *(_HOUR_S * count for count in (1, 2, 3, 6, 12)),
    *(_DAY_S * count for count in (1, 2, 7, 14)),
)
#: Longer distances, in months; longer ones than the last are not needed.
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_MONTH_S = 30 * _DAY_S
#: A hair, for sums that binary fractions do not hold.
_TOLERANCE = 1e-9
#: Between two powers of ten; the last is the next power.
_FACTORS = (1.0, 2.0, 2.5, 5.0, 10.0, 20.0)


def tick_times(
    first_s: float, last_s: float, count_max: int, zone: tzinfo | None
) -> tuple[Sequence[float], Sequence[str]]:
    """Give at most about `count_max` times (seconds since 1970) at round local times, and labels.

    `zone`: None: that of this machine.
    """
    span_s = max(last_s - first_s, 1.0)
    step_s = next((step for step in _STEPS_S if span_s / step <= count_max), None)
    if step_s is None:
        return _month_ticks(first_s, last_s, count_max, zone)
    offset = local(first_s, zone).utcoffset()
    offset_s = offset.total_seconds() if offset else 0.0
    start_s = -(-(first_s + offset_s) // step_s) * step_s - offset_s
    times = []
    while start_s <= last_s:
        times.append(start_s)
        start_s += step_s
    pattern = _pattern(step_s, span_s)
    return times, [local(time_s, zone).strftime(pattern) for time_s in times]


def tick_values(low: float, high: float, count_max: int) -> tuple[Sequence[float], Sequence[str]]:
    """Give at most about `count_max` round values, and labels that tell them apart."""
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low], [_number(low)]
    power = 10.0 ** math.floor(math.log10(span / count_max))
    step = next(
        power * factor for factor in _FACTORS if span / (power * factor) <= count_max + _TOLERANCE
    )
    first, last = math.ceil(low / step - _TOLERANCE), math.floor(high / step + _TOLERANCE)
    values = [number * step for number in range(first, last + 1)]
    return values, [_number(value) for value in values]


def local(time_s: float, zone: tzinfo | None) -> datetime:
    """Give an instant in a time zone; None: that of this machine."""
    return datetime.fromtimestamp(time_s, UTC).astimezone(zone)


def describe_range(first_s: float, last_s: float, zone: tzinfo | None) -> str:
    """Say from when until when a chart goes, and in which time zone."""
    first, last = local(first_s, zone), local(last_s, zone)
    end_pattern = "%H:%M:%S" if first.date() == last.date() else "%Y-%m-%d %H:%M:%S"
    return f"{first:%Y-%m-%d %H:%M:%S} to {last.strftime(end_pattern)} {last:%Z}"


def _month_ticks(
    first_s: float, last_s: float, count_max: int, zone: tzinfo | None
) -> tuple[Sequence[float], Sequence[str]]:
    month_count = (last_s - first_s) / _MONTH_S
    step = next((step for step in _MONTHS if month_count / step <= count_max), _MONTHS[-1])
    times: list[float] = []
    labels: list[str] = []
    start = local(first_s, zone)
    number = -(-(start.year * 12 + start.month) // step) * step
    while True:
        year, month = divmod(number, 12)
        # Without a zone it is this machine's, whatever its offset is by then.
        tick = datetime(year, month + 1, 1, tzinfo=zone)
        if tick.timestamp() > last_s:
            return times, labels
        times.append(tick.timestamp())
        labels.append(f"{tick:%b %Y}")
        number += step


def _pattern(step_s: float, span_s: float) -> str:
    if step_s < _MINUTE_S:
        return "%H:%M:%S"
    if step_s >= _DAY_S:
        return "%d %b"
    return "%H:%M" if span_s <= _DAY_S else "%d %b %H:%M"


def _number(value: float) -> str:
    # What is left of zero by rounding is not worth its digits.
    return f"{round(value, 12):.6g}"
