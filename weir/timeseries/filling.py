"""Fill buckets that have no readings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weir.model.query import Fill, Function
from weir.timeseries.composing import Buckets, Column, join


def fill_gaps(
    buckets: Buckets, series_ids: Sequence[int], starts_us: NDArray[np.int64], fill: Fill
) -> Buckets:
    """Give a row for each series and each of `starts_us`, by series, then start.

    A count is never guessed: where there is nothing, it is 0. Before its first bucket a series has
    no previous value, and beside its ends nothing to draw a line to: these stay NaN.
    """
    pieces = []
    for series_id in series_ids:
        of_series = buckets.take(buckets.series_ids == series_id)
        at = np.searchsorted(starts_us, of_series.starts_us)
        columns = {
            function: _filled(function, column, at, starts_us, fill)
            for function, column in of_series.columns.items()
        }
        ids = np.full(len(starts_us), series_id, dtype=np.int32)
        pieces.append(Buckets(ids, starts_us, columns))
    return join(pieces, list(buckets.columns))


def _filled(
    function: Function,
    known: Column,
    at: NDArray[np.intp],
    starts_us: NDArray[np.int64],
    fill: Fill,
) -> Column:
    if function is Function.COUNT:
        counts = np.zeros(len(starts_us), dtype=np.int64)
        counts[at] = known
        return counts
    is_text = known.dtype == object
    column: Column = np.full(len(starts_us), None if is_text else np.nan, dtype=known.dtype)
    column[at] = known
    if fill is Fill.PREVIOUS:
        return _previous(column, at)
    if fill is Fill.LINEAR and len(at) and not is_text:
        return np.interp(starts_us, starts_us[at], known, left=np.nan, right=np.nan)
    return column


def _previous(column: Column, at: NDArray[np.intp]) -> Column:
    source = np.full(len(column), -1)
    source[at] = at
    source = np.maximum.accumulate(source)
    blank: Any = None if column.dtype == object else np.nan
    filled: Column = np.where(source >= 0, column[source], blank)
    return filled
