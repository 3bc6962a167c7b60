"""Gather the readings of one commit into sorted columns without a key twice.

Pure. Sorted by (series, time), because an index that grows in order is 1.3 times faster; without
duplicates, because one COPY may not hold a key twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from weir.codec.measurement import FieldColumn, Instants
from weir.codec.single_readings import SingleReadings
from weir.codec.values import Numbers
from weir.model.quality import TRUSTED, doubt

#: Of a column: series, instants, numbers, and the quality of all of them.
Part: TypeAlias = tuple[int, Instants, Numbers, int]


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings strictly ascending by (series, time), and what was left out to make them so.

    `qualities`: 0 where nothing is known against a reading; None where that is so for all.
    `repeated_count`: the same reading twice; `conflicting_count`: the same instant with another
    value, of which the first to arrive was kept.
    """

    series_ids: NDArray[np.int32]
    observed_at_us: NDArray[np.int64]
    values: NDArray[np.float64]
    qualities: NDArray[np.int16] | None = None
    repeated_count: int = 0
    conflicting_count: int = 0

    def __len__(self) -> int:
        return len(self.series_ids)

    def take(self, which: slice | NDArray[np.int64] | NDArray[np.bool_]) -> "Rows":
        """Give some of the rows, without what was left out."""
        qualities = None if self.qualities is None else self.qualities[which]
        return Rows(
            self.series_ids[which], self.observed_at_us[which], self.values[which], qualities
        )


class MixedOrderError(Exception):
    """Two sources have a reading of the same instant: which came first, they do not tell."""

    def __init__(self) -> None:
        super().__init__("readings of one instant from messages that do not say which came first")


def gather_singles(
    series_ids: NDArray[np.int64], singles: SingleReadings, others: Rows | None = None
) -> Rows:
    """Sort readings of which each is a message of its own; the first of an instant is kept.

    `others`: rows of the same commit.

    Raises:
        MixedOrderError: one is among `others` too.
    """
    qualities = None
    if not TRUSTED.issuperset(singles.qualities.tolist()):
        doubts = [doubt(quality) or 0 for quality in singles.qualities.tolist()]
        qualities = np.array(doubts, dtype=np.int16)
    ids = series_ids.astype(np.int32)
    rows = _sort(Rows(ids, singles.observed_at_us, singles.values, qualities))
    if others is None or not len(others):
        return rows
    both = _sort(_concatenated(rows, others))
    if both.repeated_count or both.conflicting_count:
        raise MixedOrderError
    return replace(
        both,
        repeated_count=rows.repeated_count + others.repeated_count,
        conflicting_count=rows.conflicting_count + others.conflicting_count,
    )


def _concatenated(one: Rows, other: Rows) -> Rows:
    qualities = None
    if one.qualities is not None or other.qualities is not None:
        qualities = np.concatenate(
            [
                np.zeros(len(rows), dtype=np.int16) if rows.qualities is None else rows.qualities
                for rows in (one, other)
            ]
        )
    return Rows(
        np.concatenate((one.series_ids, other.series_ids)),
        np.concatenate((one.observed_at_us, other.observed_at_us)),
        np.concatenate((one.values, other.values)),
        qualities,
    )


def gather(columns: Iterable[tuple[int, FieldColumn]], *, keep_last: bool = False) -> Rows:
    """Join columns given as (series_id, column), in order of arrival.

    The first of two readings of one instant is kept, with `keep_last` the last.
    """
    parts = [
        (series_id, c.observed_at_us, c.numbers, c.quality)
        for series_id, c in columns
        if len(c.numbers)
    ]
    total = sum(len(part[2]) for part in parts)
    if total > len(parts):
        # Long columns are nearly always ascending in themselves and apart from each other: then
        # ordering the columns orders the rows, at a fraction of the cost of sorting them.
        rows = _join(sorted(parts, key=_series_and_start), total)
        if _ascends(rows).all():
            return rows
    rows = _join(parts, total)
    return _sort(rows.take(slice(None, None, -1)) if keep_last else rows)


def _series_and_start(part: Part) -> tuple[int, int]:
    return part[0], int(part[1][0])


def _join(parts: list[Part], total: int) -> Rows:
    rows = _join_values(parts, total)
    if all(part[3] in TRUSTED for part in parts):
        return rows
    qualities = np.array([doubt(part[3]) or 0 for part in parts], dtype=np.int16)
    return replace(rows, qualities=np.repeat(qualities, [len(part[2]) for part in parts]))


def _join_values(parts: list[Part], total: int) -> Rows:
    if total == len(parts):
        # One reading in each message: lists are faster than a thousand tiny arrays.
        return Rows(
            np.fromiter((part[0] for part in parts), np.int32, total),
            np.fromiter((part[1][0] for part in parts), np.int64, total),
            np.fromiter((part[2][0] for part in parts), np.float64, total),
        )
    counts = [len(part[2]) for part in parts]
    series_ids = np.repeat(np.array([part[0] for part in parts], dtype=np.int32), counts)
    if total <= _SMALL_COLUMNS * len(parts):
        return Rows(
            series_ids,
            np.fromiter(chain.from_iterable(part[1] for part in parts), np.int64, total),
            np.fromiter(chain.from_iterable(part[2] for part in parts), np.float64, total),
        )
    times = np.concatenate([np.asarray(part[1], dtype=np.int64) for part in parts])
    values = np.concatenate([np.asarray(part[2], dtype=np.float64) for part in parts])
    return Rows(series_ids, times, values)


#: Below this many readings a column, chaining lists beats converting each to an array.
_SMALL_COLUMNS = 8


def _ascends(rows: Rows) -> NDArray[np.bool_]:
    """Tell of each row but the first whether its key is greater than the one before."""
    series, times = rows.series_ids, rows.observed_at_us
    ascends: NDArray[np.bool_] = (series[1:] > series[:-1]) | (
        (series[1:] == series[:-1]) & (times[1:] > times[:-1])
    )
    return ascends


def _sort(rows: Rows) -> Rows:
    # lexsort is stable: of equal keys the one that was given first stays first.
    ordered = rows.take(np.lexsort((rows.observed_at_us, rows.series_ids)))
    if not len(ordered):
        return ordered
    is_first = np.concatenate(([True], _ascends(ordered)))
    if is_first.all():
        return ordered
    first_of_its_key = np.maximum.accumulate(np.where(is_first, np.arange(len(ordered)), 0))
    is_same = ordered.values == ordered.values[first_of_its_key]
    return replace(
        ordered.take(is_first),
        repeated_count=int((is_same & ~is_first).sum()),
        conflicting_count=int((~is_same & ~is_first).sum()),
    )
