"""How many partitions one worker may hold."""

import pytest

from weir.runtime.partition_share import fair_share


@pytest.mark.parametrize(
    ("partitions", "workers", "share"), [(1, 1, 1), (3, 1, 3), (3, 2, 2), (4, 2, 2), (2, 5, 1)]
)
def test_shares_cover_all_partitions_and_starve_nobody(
    partitions: int, workers: int, share: int
) -> None:
    assert share == fair_share(partitions, workers)
