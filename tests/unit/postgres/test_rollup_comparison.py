"""Which columns of a bucket count as different."""

from math import inf
from typing import Any

import pytest

from weir.postgres.queries.rollup_comparison import different_columns

BUCKET: dict[str, Any] = {
    "count": 3,
    "sum": 0.25,
    "min": -1e6,
    "max": 1e6,
    "first_value": -1e6,
    "first_at": 1,
    "last_value": 0.25,
    "last_at": 3,
    "sum_squares": 2e12,
    "sum_positive": 1e6,
    "sum_negative": -1e6,
    "rise": None,
}


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({}, True),
        ({"sum_squares": 2e12 * (1 + 1e-10)}, True),
        ({"sum_squares": 2e12 * (1 + 1e-8)}, False),
        # What was added up is a million times as large as what is left of it.
        ({"sum": 0.25 + 1e-4}, True),
        ({"sum": 0.25 + 1e-2}, False),
        ({"max": 1e6 + 1e-9}, False),
        ({"last_at": 4}, False),
        ({"rise": 0.0}, False),
        ({"sum": inf}, False),
    ],
)
def test_sums_may_differ_by_their_last_digits_and_nothing_else(
    change: dict[str, float], is_same: bool
) -> None:
    assert list(change) * (not is_same) == different_columns(BUCKET | change, BUCKET)


@pytest.mark.parametrize(
    ("stored", "expected", "is_same"),
    [(inf, inf, True), (inf, 1.5e308, True), (inf, 1e297, False), (inf, -1.5e308, False)],
)
def test_a_sum_at_the_edge_of_a_double_may_be_infinite(
    stored: float, expected: float, is_same: bool
) -> None:
    found = different_columns(BUCKET | {"sum": stored}, BUCKET | {"sum": expected})
    assert ["sum"] * (not is_same) == found
