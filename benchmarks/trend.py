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

    def is_flat(self, slope_max: float) -> bool:
        """Whether a rise of more than `slope_max` a minute is excluded."""
        return self.slope_max <= slope_max


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
