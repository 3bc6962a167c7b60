"""How fast something rises, and how sure that is. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: Neighbouring samples resemble each other, so a fit through all of them would be far too sure of
#: itself. Medians of blocks hardly do, and a checkpoint or a noisy neighbour moves few of them.
BLOCK_COUNT = 10
#: Student's t at 97.5 % with `BLOCK_COUNT` - 2 = 8 degrees of freedom. Source: NIST/SEMATECH
#: e-Handbook of Statistical Methods, section 1.3.6.7.2.
_T_975 = 2.306


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through samples: the slope per minute, and its 95 % interval."""

    level: float
    slope: float
    slope_min: float
    slope_max: float

    def excludes(self, slope: float) -> bool:
        """Whether a rise of more than `slope` a minute is excluded."""
        return self.slope_max <= slope


@dataclass(frozen=True, slots=True)
class Thirds:
    """Medians of the first, the middle and the last third of the samples.

    A neighbour on the machine that is busy for a while moves a slope and its whole interval. It
    moves a median only when it is busy for half of a third, and the rise only in the last one.
    """

    first: float
    middle: float
    last: float

    @property
    def rise(self) -> float:
        """How far the end lies above what was seen before; negative where it lies below."""
        return self.last - max(self.first, self.middle)


def thirds(values: Sequence[float]) -> Thirds:
    """Take the medians of the thirds of `values`, in order of time and at least three.

    Raises:
        ValueError: they are too few.
    """
    size = len(values) // 3
    if not size:
        raise ValueError(f"{len(values)} samples are too few for three thirds")
    parts = (values[:size], values[size:-size], values[-size:])
    return Thirds(*(statistics.median(part) for part in parts))


def fit(samples: Sequence[tuple[float, float]]) -> Trend:
    """Fit (seconds, value) by least squares through the medians of equal blocks of time.

    `samples`: in order of time, at least two for each of the blocks.

    Raises:
        ValueError: they are too few.
    """
    size = len(samples) // BLOCK_COUNT
    if size < 2:  # noqa: PLR2004 - one sample has no median of its own
        raise ValueError(f"{len(samples)} samples are too few for {BLOCK_COUNT} blocks")
    blocks = [samples[index * size : (index + 1) * size] for index in range(BLOCK_COUNT)]
    minutes = np.array([statistics.fmean(at for at, _ in block) / 60 for block in blocks])
    values = np.array([statistics.median(value for _, value in block) for block in blocks])
    off_minutes, off_values = minutes - minutes.mean(), values - values.mean()
    spread = float(off_minutes @ off_minutes)
    slope = float(off_minutes @ off_values) / spread
    residuals = off_values - slope * off_minutes
    error = float(np.sqrt(residuals @ residuals / (BLOCK_COUNT - 2) / spread))
    return Trend(float(values.mean()), slope, slope - _T_975 * error, slope + _T_975 * error)
