"""Keep the shape of a curve with few of its points.

Source: S. Steinarsson, "Downsampling Time Series for Visual Representation", University of Iceland
2013, section 4.2 (largest triangle three buckets); J. Van Der Donckt et al., "MinMaxLTTB", IEEE VIS
2023 (extremes are chosen first, which bounds what has to be kept).
"""

import numpy as np
from numpy.typing import NDArray

Instants = NDArray[np.int64]
Values = NDArray[np.float64]

#: Extremes kept for each point that is wanted: the figure that the authors recommend.
PRESELECTED_PER_POINT = 4
#: The first and the last point, and one between them.
_POINTS_MIN = 3


class Preselection:
    """Takes a curve piece by piece and keeps the lowest and highest point of each stretch."""

    def __init__(self, point_count: int, max_points: int) -> None:
        stretch_count = max(max_points * PRESELECTED_PER_POINT // 2, 1)
        self._width = max(-(-point_count // stretch_count), 1)
        self._kept: list[tuple[Instants, Values]] = []
        self._rest: tuple[Instants, Values] = (np.empty(0, np.int64), np.empty(0))
        self._ends: list[tuple[int, float]] = []

    def add(self, instants: Instants, values: Values) -> None:
        """Take the next piece, ascending."""
        if not len(instants):
            return
        if not self._ends:
            self._ends = [(int(instants[0]), float(values[0]))] * 2
        self._ends[1] = (int(instants[-1]), float(values[-1]))
        instants = np.concatenate((self._rest[0], instants))
        values = np.concatenate((self._rest[1], values))
        whole = len(instants) // self._width * self._width
        self._keep(instants[:whole], values[:whole], self._width)
        self._rest = (instants[whole:], values[whole:])

    def points(self) -> tuple[Instants, Values]:
        """Give what was kept, with both ends of the curve, ascending."""
        self._keep(*self._rest, len(self._rest[0]))
        self._rest = (np.empty(0, np.int64), np.empty(0))
        ends = (
            np.array([at for at, _ in self._ends], np.int64),
            np.array([v for _, v in self._ends]),
        )
        pieces = [*self._kept, ends]
        instants = np.concatenate([piece[0] for piece in pieces])
        values = np.concatenate([piece[1] for piece in pieces])
        instants, at = np.unique(instants, return_index=True)
        return instants, values[at]

    def _keep(self, instants: Instants, values: Values, width: int) -> None:
        if not len(instants):
            return
        if width == 1:
            self._kept.append((instants.copy(), values.copy()))
            return
        stretches = values.reshape(-1, width)
        begins = np.arange(len(stretches)) * width
        at = np.concatenate((begins + stretches.argmin(axis=1), begins + stretches.argmax(axis=1)))
        at = np.unique(at)
        self._kept.append((instants[at], values[at]))


def downsample(instants: Instants, values: Values, max_points: int) -> tuple[Instants, Values]:
    """Choose at most `max_points` of the points, ends included, so that the curve looks the same.

    `max_points`: at least 3. Each stretch between the ends gives the point that makes the largest
    triangle with the one chosen before and the middle of the next stretch.
    """
    assert max_points >= _POINTS_MIN  # noqa: S101 - checked where the question comes in
    if len(instants) <= max_points:
        return instants, values
    edges = np.linspace(1, len(instants) - 1, max_points - 1).astype(np.intp)
    x = (instants - instants[0]).astype(np.float64)
    sums_x, sums_y = (np.concatenate(([0.0], np.cumsum(column))) for column in (x, values))
    chosen = [0]
    for i in range(max_points - 2):
        begin, end = edges[i], edges[i + 1]
        next_end = edges[i + 2] if i + 2 < len(edges) else len(instants)
        middle_x = (sums_x[next_end] - sums_x[end]) / (next_end - end)
        middle_y = (sums_y[next_end] - sums_y[end]) / (next_end - end)
        a = chosen[-1]
        areas = np.abs(
            (x[a] - middle_x) * (values[begin:end] - values[a])
            - (x[a] - x[begin:end]) * (middle_y - values[a])
        )
        chosen.append(int(begin + areas.argmax()))
    chosen.append(len(instants) - 1)
    return instants[chosen], values[chosen]
