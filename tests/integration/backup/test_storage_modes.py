"""A backup of plain PostgreSQL goes into TimescaleDB, and the other way."""

from pathlib import Path

import pytest

from tests.integration.backup.conftest import Saved, back_up, restore, sums
from weir.model.backup import Manifest

pytestmark = [pytest.mark.postgres, pytest.mark.newest]


async def test_a_backup_goes_into_timescaledb_and_back(
    saved: Saved, newest_database_url: str, empty_url: str, tmp_path: Path
) -> None:
    if not saved.is_plain:
        pytest.skip("both servers have TimescaleDB")
    await restore(newest_database_url, saved.folder)
    folder, there = await back_up(newest_database_url, tmp_path / "there")
    await restore(empty_url, folder)
    _, again = await back_up(empty_url, tmp_path / "again")

    modes = [manifest.storage_mode for manifest in (saved.manifest, there, again)]
    assert ["plain", "timescaledb", "plain"] == modes
    assert sums(saved.manifest) == sums(there) == sums(again)
    # A hypertable is one file; its chunks are known, so that the partitions of their days are made.
    assert (1, 4) == shape(there)
    assert shape(again)[0] > 1


def shape(manifest: Manifest) -> tuple[int, int]:
    """Tell how many files the readings have, and how many partitions or chunks with a span."""
    (reading,) = (table for table in manifest.tables if table.name == "reading")
    return len(reading.parts), len(reading.ranges)
