"""Where buckets begin."""

import numpy as np
import pytest

from weir.timeseries.grid import EvenGrid, Grid, ListedGrid

EVEN = EvenGrid(10)
LISTED = ListedGrid(range(-50, 100, 10))


@pytest.mark.parametrize("grid", [EVEN, LISTED])
def test_a_bucket_has_its_start_but_not_its_end(grid: Grid) -> None:
    assert (10, 10, 20) == (grid.floor(10), grid.floor(19), grid.floor(20))
    assert (10, 20, 20) == (grid.ceil(10), grid.ceil(11), grid.ceil(20))
    assert [-10, 0, 10] == grid.starts_of(np.array([-1, 9, 10])).tolist()
    assert [0, 10] == grid.starts(5, 20).tolist()
    assert [0, 10, 20] == grid.starts(0, 21).tolist()


def test_days_of_a_place_may_be_no_whole_hours() -> None:
    assert LISTED.is_made_of(5)
    assert not LISTED.is_made_of(20)
