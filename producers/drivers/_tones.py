"""A sum of sines whose phase stays exact over decades, cheap enough for the smallest computer.

Frequencies are whole thousandths of a hertz, so the phase of a sample is a fraction of integers:
doubles would lose it over the microseconds since 1970. Sampled uniformly, such a sum repeats
itself after a number of samples that integers give too; when that is small, it is computed once.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

#: Every sum of whole thousandths of a hertz repeats itself after this time.
_REPEAT_US = 1_000_000_000
#: Values kept at most, 8 bytes each. 25 kHz of tones of whole 2.5 Hz take 10 000.
TABLE_LENGTH_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Tone:
    """One sine: `phase_rad` is at 1970-01-01 UTC."""

    amplitude: float
    frequency_millihertz: int
    phase_rad: float

    def at(self, time_us: int) -> float:
        """Give the value at an instant, microseconds since 1970-01-01 UTC."""
        # Microseconds times thousandths of a hertz: a turn has `_REPEAT_US` of them as well.
        turns = time_us * self.frequency_millihertz % _REPEAT_US / _REPEAT_US
        return self.amplitude * math.sin(math.tau * turns + self.phase_rad)


class SampledTones:
    """The sum of `tones` at the multiples of `period_us` since 1970."""

    def __init__(self, tones: Sequence[Tone], period_us: int) -> None:
        self._tones = tuple(tones)
        self._period_us = period_us
        #: After how many samples all tones are where they were.
        self._repeat_count = math.lcm(*(_repeat_count(tone, period_us) for tone in self._tones))
        self._table: array[float] = array("d")

    def samples(self, start_us: int, count: int) -> list[float]:
        """Give `count` samples from `start_us` on, which is a multiple of the period."""
        if self._repeat_count > TABLE_LENGTH_MAX:
            return [self._at(start_us + index * self._period_us) for index in range(count)]
        if not self._table:
            times = range(0, self._repeat_count * self._period_us, self._period_us)
            self._table = array("d", map(self._at, times))
        values: list[float] = []
        first = start_us // self._period_us % self._repeat_count
        while len(values) < count:
            values += self._table[first : first + count - len(values)]
            first = 0
        return values

    def _at(self, time_us: int) -> float:
        return sum(tone.at(time_us) for tone in self._tones)


def _repeat_count(tone: Tone, period_us: int) -> int:
    return _REPEAT_US // math.gcd(_REPEAT_US, tone.frequency_millihertz * period_us)
