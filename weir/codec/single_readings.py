"""Readings of many messages that have one each, as columns: what most devices send, all at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class SingleReadings:
    """One reading in each row, rows in the order of their messages.

    `series`: (serial, field); `observed_at_us` and `received_at_us` as in `MeasurementBatch`;
    `qualities`: as on the wire.
    """

    series: list[tuple[str, str]]
    units: list[str]
    qualities: NDArray[np.int32]
    received_at_us: NDArray[np.int64]
    observed_at_us: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.series)
