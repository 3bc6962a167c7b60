"""Spelling sequence numbers as PostgreSQL's multirange."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.postgres.sequences import multirange


@pytest.mark.parametrize(
    ("numbers", "spelled"),
    [([], "{}"), ([5], "{[5,6)}"), ([3, 1, 2, 2, 9], "{[1,4),[9,10)}")],
)
def test_neighbours_become_one_run(numbers: list[int], spelled: str) -> None:
    assert spelled == multirange(numbers)


@given(st.sets(st.integers(1, 60)))
def test_every_number_is_in_exactly_one_run(numbers: set[int]) -> None:
    runs = re.findall(r"\[(\d+),(\d+)\)", multirange(numbers))

    assert sorted(numbers) == [n for low, high in runs for n in range(int(low), int(high))]
