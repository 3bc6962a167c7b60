"""Which readings are reported, and when they become a message. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from producers.agent.configuration import BatchConfiguration, FieldConfiguration
from weir.codec.encode import FieldReadings, Value

_SECOND_US = 1_000_000


class ChangeFilter:
    """Passes on what has changed enough, and now and then what has not."""

    def __init__(self, fields: Mapping[str, FieldConfiguration]) -> None:
        self._fields = fields
        self._reported: dict[str, tuple[int, Value]] = {}

    def pass_on(self, readings: FieldReadings) -> FieldReadings | None:
        """Give the readings that are to be reported; `None`: none of them."""
        rule = self._fields.get(readings.name)
        if rule is None:
            return readings
        kept: list[tuple[int, Value]] = []
        for instant_us, value in zip(readings.observed_at_us, readings.values, strict=True):
            last = self._reported.get(readings.name)
            if last is None or _is_news(rule, last, instant_us, value):
                self._reported[readings.name] = (instant_us, value)
                kept.append((instant_us, value))
        if not kept:
            return None
        times, values = zip(*kept, strict=True)
        return FieldReadings(readings.name, times, values, readings.unit)


def _is_news(
    rule: FieldConfiguration, last: tuple[int, Value], instant_us: int, value: Value
) -> bool:
    last_us, last_value = last
    if instant_us - last_us >= rule.heartbeat_s * _SECOND_US or instant_us < last_us:
        return True
    if isinstance(value, bool | str) or isinstance(last_value, bool | str):
        return value != last_value
    return abs(value - last_value) > rule.dead_band if rule.dead_band else value != last_value


class Batch:
    """Readings of one device that wait to become messages."""

    def __init__(self, limits: BatchConfiguration) -> None:
        self._limits = limits
        self._parts: dict[tuple[str, str, bool], list[FieldReadings]] = {}
        self._count = 0
        self._since_us: int | None = None

    @property
    def count(self) -> int:
        """How many readings wait."""
        return self._count

    def add(self, now_us: int, fields: Iterable[FieldReadings]) -> None:
        """Let readings wait from `now_us` on."""
        for readings in fields:
            key = (readings.name, readings.unit, isinstance(readings.values[0], str))
            self._parts.setdefault(key, []).append(readings)
            self._count += len(readings.values)
            if self._since_us is None:
                self._since_us = now_us

    def is_due(self, now_us: int, interval_us: int) -> bool:
        """Whether it is large enough, or would be too old at the next poll."""
        if self._since_us is None:
            return False
        age_us = now_us - self._since_us
        return (
            self._count >= self._limits.readings
            or age_us < 0
            or age_us + interval_us >= self._limits.seconds * _SECOND_US
        )

    def take(self) -> list[list[FieldReadings]]:
        """Give what waits, for as few messages as can have it, and wait for nothing."""
        parts, self._parts = self._parts, {}
        self._count, self._since_us = 0, None
        messages: list[dict[str, FieldReadings]] = []
        for (name, unit, _), same in parts.items():
            joined = same[0] if len(same) == 1 else _join(name, unit, same)
            # A message has one unit, and texts or numbers, for each of its fields.
            free = next((fields for fields in messages if name not in fields), None)
            if free is None:
                messages.append({name: joined})
            else:
                free[name] = joined
        return [list(fields.values()) for fields in messages]


def bounds(fields: Sequence[FieldReadings]) -> tuple[int, int]:
    """Give the first and the last instant of readings; at least one."""
    return (
        min(min(readings.observed_at_us) for readings in fields),
        max(max(readings.observed_at_us) for readings in fields),
    )


def _join(name: str, unit: str, parts: Sequence[FieldReadings]) -> FieldReadings:
    times = [instant_us for part in parts for instant_us in part.observed_at_us]
    values = [value for part in parts for value in part.values]
    return FieldReadings(name, times, values, unit)
