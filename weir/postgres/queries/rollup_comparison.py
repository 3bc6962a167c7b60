"""Compare buckets as they are stored with what they must be; pure."""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

import asyncpg

from weir.postgres.rollup_statements import COLUMNS

#: A double has 53 bits, and what is added up in another order differs in the last ones: for the
#: 10^9 readings of a day at 10 kHz by some 10^-12 of the sum, far below this.
SUM_TOLERANCE = 1e-9
#: Beyond it, what is stored may be infinite instead (`rollup_statements.SATURATING`).
_SATURATED = 1e298
_ADDED = frozenset({"sum", "sum_squares", "sum_positive", "sum_negative", "rise"})

#: The columns of one bucket by their names.
Bucket: TypeAlias = Mapping[str, Any] | asyncpg.Record


def different_columns(stored: Bucket, expected: Bucket) -> list[str]:
    """Give the columns that are not what they must be; sums may differ by `SUM_TOLERANCE`."""
    return [
        column
        for column in COLUMNS
        if stored[column] != expected[column]
        and not (column in _ADDED and _is_same_sum(column, stored, expected))
    ]


def _is_same_sum(column: str, stored: Bucket, expected: Bucket) -> bool:
    found: float | None = stored[column]
    wanted: float | None = expected[column]
    if found is None or wanted is None:
        return False
    if min(abs(found), abs(wanted)) >= _SATURATED:
        return (found > 0) == (wanted > 0)
    return math.isclose(
        found, wanted, rel_tol=SUM_TOLERANCE, abs_tol=SUM_TOLERANCE * _addends(column, expected)
    )


def _addends(column: str, bucket: Bucket) -> float:
    """Tell how large what was added up is: much of it may cancel out in the sum itself."""
    size: float
    match column:
        case "sum":
            size = bucket["sum_positive"] - bucket["sum_negative"]
        case "rise":
            size = max(abs(bucket["min"]), abs(bucket["max"]))
        case _:
            size = 0.0
    return size if math.isfinite(size) else 0.0
