"""What is measured when somebody asks for it."""

import os
from math import isnan
from pathlib import Path

import pytest

from weir.metrics import DISK_FREE, free_bytes, watch_disk


def exposed(directory: str) -> float:
    (metric,) = DISK_FREE.collect()
    (value,) = (
        sample.value for sample in metric.samples if sample.labels["directory"] == directory
    )
    return float(value)


@pytest.mark.parametrize("folder", ["", "not/made/yet"])
def test_what_is_free_is_what_we_may_still_write(tmp_path: Path, folder: str) -> None:
    status = os.statvfs(tmp_path)
    total = status.f_blocks * status.f_frsize
    assert 0 < free_bytes(tmp_path / folder) <= total


def test_a_disk_that_cannot_be_asked_is_no_number() -> None:
    assert isnan(free_bytes(Path("x" * 300)))


def test_a_disk_is_asked_each_time(tmp_path: Path) -> None:
    watch_disk("of this test", tmp_path)
    assert exposed("of this test") > 0
    watch_disk("of this test", Path("x" * 300))
    assert isnan(exposed("of this test"))
