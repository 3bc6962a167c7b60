"""Put buckets together from the parts that were read: rollups of any level, and raw edges.

A part is a stretch of one series without a break: its count, sum, extremes, first and last value.
Parts of one bucket may come from different levels; that they join exactly is why each keeps these.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weir.model.announcement import Kind
from weir.model.query import Function
from weir.timeseries.grid import Grid

#: A counter that shows less than this share of what it showed was set to zero; `counter_rise` of
#: the database says the same.
_RESET_SHARE = 0.9

#: What a function is composed from, by name of the column of a rollup.
COLUMNS_OF: Mapping[Function, tuple[str, ...]] = {
    Function.AVG: ("count", "sum"),
    Function.MIN: ("min",),
    Function.MAX: ("max",),
    Function.SUM: ("sum",),
    Function.COUNT: ("count",),
    Function.FIRST: ("first_value",),
    Function.LAST: ("last_value",),
    Function.RISE: ("first_value", "last_value", "rise"),
    Function.STDDEV: ("count", "sum", "sum_squares"),
}

#: Numbers, NaN where there is none; of texts the first and last are objects.
Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts in any order; `starts_us`: of each part, which lies in one bucket as a whole."""

    series_ids: NDArray[np.int32]
    starts_us: NDArray[np.int64]
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.series_ids)

    def take(self, order: NDArray[Any]) -> "Parts":
        """Give some of the parts, in this order."""
        columns = {name: column[order] for name, column in self.columns.items()}
        return Parts(self.series_ids[order], self.starts_us[order], columns)


@dataclass(frozen=True, slots=True)
class Counter:
    """How a series counts, and what it showed last before the parts begin; NaN: nothing."""

    kind: Kind
    previous: float


@dataclass(frozen=True, slots=True)
class Buckets:
    """What was asked for, a row for each bucket that has readings or was filled."""

    series_ids: NDArray[np.int32]
    starts_us: NDArray[np.int64]
    columns: Mapping[Function, Column]

    def __len__(self) -> int:
        return len(self.series_ids)

    def take(self, order: NDArray[Any] | slice) -> "Buckets":
        """Give some of the rows, in this order."""
        columns = {function: column[order] for function, column in self.columns.items()}
        return Buckets(self.series_ids[order], self.starts_us[order], columns)

    def by_time(self) -> "Buckets":
        """Give the rows by start, and those of one start by series."""
        return self.take(np.lexsort((self.series_ids, self.starts_us)))


def columns_for(functions: Iterable[Function]) -> list[str]:
    """Name the columns of a part that are needed for these functions."""
    wanted = {column for function in functions for column in COLUMNS_OF[function]}
    return sorted(wanted)


def compose(
    parts: Parts, grid: Grid, functions: Sequence[Function], counters: Mapping[int, Counter]
) -> Buckets:
    """Join parts into the buckets of `grid`, by series, then start.

    `counters`: of each series, where `Function.RISE` is asked for.
    """
    parts = parts.take(np.lexsort((parts.starts_us, parts.series_ids)))
    starts = grid.starts_of(parts.starts_us)
    is_first = np.ones(len(parts), dtype=bool)
    is_first[1:] = (np.diff(parts.series_ids) != 0) | (np.diff(starts) != 0)
    firsts = np.flatnonzero(is_first)
    joined = _Joined(parts, firsts, counters)
    columns = {function: joined.column(function) for function in functions}
    return Buckets(parts.series_ids[firsts], starts[firsts], columns)


def no_buckets(functions: Sequence[Function], *, is_text: bool = False) -> Buckets:
    """Give no row, with the columns that rows would have."""
    kind = object if is_text else float
    empty = {each: np.empty(0, int if each is Function.COUNT else kind) for each in functions}
    return Buckets(np.empty(0, np.int32), np.empty(0, np.int64), empty)


def join(pieces: Sequence[Buckets], functions: Sequence[Function]) -> Buckets:
    """Put rows one behind the other."""
    if not pieces:
        return no_buckets(functions)
    return Buckets(
        np.concatenate([piece.series_ids for piece in pieces]),
        np.concatenate([piece.starts_us for piece in pieces]),
        {each: np.concatenate([piece.columns[each] for piece in pieces]) for each in functions},
    )


@dataclass(frozen=True, slots=True)
class _Joined:
    """Sorted parts, and where the first of each bucket is."""

    parts: Parts
    firsts: NDArray[np.intp]
    counters: Mapping[int, Counter]

    def column(self, function: Function) -> Column:
        columns = self.parts.columns
        match function:
            case Function.AVG:
                column: Column = self._total("sum") / self._total("count")
            case Function.MIN:
                column = self._reduce(np.minimum, columns["min"])
            case Function.MAX:
                column = self._reduce(np.maximum, columns["max"])
            case Function.SUM | Function.COUNT:
                column = self._total(function)
            case Function.FIRST:
                column = columns["first_value"][self.firsts]
            case Function.LAST:
                lasts = np.append(self.firsts[1:], len(self.parts)) - 1
                column = columns["last_value"][lasts[: len(self.firsts)]]
            case Function.RISE:
                column = self._rise()
            case Function.STDDEV:
                column = self._stddev()
        return column

    def _reduce(self, ufunc: np.ufunc, column: Column) -> Column:
        if not len(self.firsts):
            return column
        reduced: Column = ufunc.reduceat(column, self.firsts)
        return reduced

    def _total(self, name: str) -> Column:
        return self._reduce(np.add, self.parts.columns[name])

    def _rise(self) -> Column:
        first, last = self.parts.columns["first_value"], self.parts.columns["last_value"]
        previous = np.full(len(first), np.nan)
        previous[1:] = last[:-1]
        ids = self.parts.series_ids
        is_new = np.ones(len(ids), dtype=bool)
        is_new[1:] = np.diff(ids) != 0
        previous[is_new] = [self.counters[int(each)].previous for each in ids[is_new]]
        step = _counter_rise(self._resets(), previous, first)
        inside = self.parts.columns["rise"]
        # A level that was computed before the series was declared a counter knows its ends only.
        inside = np.where(np.isnan(inside), _counter_rise(self._resets(), first, last), inside)
        return self._reduce(np.add, inside + np.nan_to_num(step, nan=0.0))

    def _resets(self) -> NDArray[np.bool_]:
        resetting = [
            series_id
            for series_id, counter in self.counters.items()
            if counter.kind is Kind.TOTAL_INCREASING
        ]
        return np.isin(self.parts.series_ids, resetting)

    def _stddev(self) -> Column:
        count, total = self._total("count").astype(float), self._total("sum")
        with np.errstate(divide="ignore", invalid="ignore"):
            # Rounding may leave a little less than nothing where all values are the same.
            squares = np.maximum(self._total("sum_squares") - total * total / count, 0.0)
            return np.where(count > 1, np.sqrt(squares / (count - 1)), np.nan)


def _counter_rise(
    resets: NDArray[np.bool_], previous: NDArray[np.float64], value: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.where(resets & (value < _RESET_SHARE * previous), value, value - previous)
