"""A backup beside a system that works: whole, provable, and back in an empty database."""

import asyncio
import json
from itertools import count as counting
from pathlib import Path

import asyncpg
import pytest

from tests.integration.backup.conftest import NOW, Saved, back_up, count, execute, restore, sums
from weir import backups
from weir.errors import BackupError
from weir.model.backup import MANIFEST
from weir.postgres.backup import _hold, snapshot
from weir.postgres.backup_tables import read_tables
from weir.postgres.pool import open_pool
from weir.postgres.queries.checkpoints import list_checkpoints
from weir.postgres.restore import _MAKE_PARTITIONS
from weir.testing.conditions import eventually
from weir.testing.running import running

pytestmark = pytest.mark.postgres

STREAM = "sensor.all.measurements.db_writer.0"
READING_COUNT = 4_800


async def test_a_restored_database_is_the_one_that_was_saved(
    saved: Saved, empty_url: str, tmp_path: Path
) -> None:
    await restore(empty_url, saved.folder)
    again, restored = await back_up(empty_url, tmp_path)
    assert sums(saved.manifest) == sums(restored)
    assert READING_COUNT == await count(empty_url)
    if saved.is_plain:
        # The rows of a day lie in its partition, those of long ago in the default one.
        in_default = await count(saved.url, "reading_default")
        assert READING_COUNT > in_default == await count(empty_url, "reading_default") > 0
    assert saved.manifest.sequences == restored.sequences
    assert backups.check(again, lambda _: None) == restored
    with pytest.raises(BackupError, match="not empty: device has rows"):
        await restore(empty_url, saved.folder)


async def test_rows_and_checkpoints_are_of_one_instant(
    saved: Saved, empty_url: str, tmp_path: Path
) -> None:
    await restore(empty_url, saved.folder)

    async def stored() -> int:
        return await count(empty_url) - READING_COUNT

    async with running(store_on(empty_url)):
        await eventually(stored)
        _, manifest = await back_up(empty_url, tmp_path)
        at_the_end = await stored()
        await eventually(lambda: is_more(empty_url, READING_COUNT + at_the_end))
    (reading,) = (table for table in manifest.tables if table.name == "reading")
    (offsets,) = (table for table in manifest.tables if table.name == "stream_offset")
    assert 0 < reading.row_count - READING_COUNT
    # What is in the file of the checkpoints is what is in the file of the readings.
    offset = 7 + reading.row_count - READING_COUNT
    expected = f"(measurements,{STREAM},{offset},"
    assert await checksum_of_offset(empty_url, offset) == offsets.checksum, expected


async def store_on(url: str) -> None:
    """Store a reading and move the checkpoint, in one transaction each, for ever."""
    async with open_pool(url) as pool:
        for index in counting():
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute(
                    "INSERT INTO reading VALUES (1, $1::timestamptz - $2 * interval '1 ms', 0)",
                    NOW,
                    float(index + 1),
                )
                await connection.execute(
                    "UPDATE stream_offset SET next_offset = next_offset + 1 WHERE stream = $1",
                    STREAM,
                )


async def is_more(url: str, than: int) -> bool:
    return await count(url) > than


async def checksum_of_offset(url: str, offset: int) -> int:
    """Compute what the checksum of the checkpoints is when one of them is at `offset`."""
    connection = await asyncpg.connect(url)
    try:
        total = await connection.fetchval(
            """SELECT sum(hashtextextended(ROW(consumer, stream,
                       CASE WHEN stream = $1 THEN $2 ELSE next_offset END, recorded_at)::text, 0))
               FROM stream_offset""",
            STREAM,
            offset,
        )
    finally:
        await connection.close()
    return int(total)


async def test_partitions_are_made_and_kept_while_a_backup_is_under_way(saved: Saved) -> None:
    """The default partition, which rows leave for a new one, is not held; the others stay."""
    if not saved.is_plain:
        pytest.skip("TimescaleDB has no default partition")
    async with snapshot(saved.url) as (connection, _):
        await _hold(connection, await read_tables(connection))
        async with asyncio.timeout(10):
            await execute(saved.url, "SELECT ensure_reading_partitions('2027-02-01', '2027-02-01')")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await execute(saved.url, "SET lock_timeout = '200ms'; DROP TABLE reading_20261128")


async def test_a_new_broker_is_read_from_the_start_and_rollups_are_computed_again(
    saved: Saved, empty_url: str
) -> None:
    await restore(empty_url, saved.folder, is_broker_new=True)
    async with open_pool(empty_url) as pool:
        assert ["journal"] == [row.stream for row in await list_checkpoints(pool)]
    assert 6 == await count(empty_url, "rollup_request")


async def test_services_must_not_run_meanwhile(saved: Saved, empty_url: str) -> None:
    async with open_pool(empty_url) as pool:
        await pool.fetchval("SELECT 1")
        with pytest.raises(BackupError, match="services of Weir are connected"):
            await restore(empty_url, saved.folder)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_damaged_file_is_named(copy: Path, damage: str) -> None:
    path = copy / "tables" / "site.copy.zst"
    content = path.read_bytes()
    match damage:
        case "flipped":
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "cut":
            path.write_bytes(content[:-3])
        case _:
            path.unlink()
    with pytest.raises(BackupError, match=r"site\.copy\.zst"):
        backups.check(copy, lambda _: None)


async def test_what_comes_out_otherwise_is_not_kept(copy: Path, empty_url: str) -> None:
    told = json.loads((copy / MANIFEST).read_text())
    (site,) = (table for table in told["tables"] if table["name"] == "site")
    site["parts"][0]["checksum"] += 1
    (copy / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(BackupError, match="site came out otherwise: 2 rows"):
        await restore(empty_url, copy)
    assert 0 == await count(empty_url)


async def test_a_backup_of_another_version_is_refused(copy: Path, empty_url: str) -> None:
    told = json.loads((copy / MANIFEST).read_text())
    told["migrations"].append({"name": "9999_pre_future", "checksum": "0" * 64})
    (copy / MANIFEST).write_text(json.dumps(told))
    with pytest.raises(BackupError, match=r"9999_pre_future .* restore with that one"):
        await restore(empty_url, copy)


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"not JSON"])
def test_what_is_no_manifest_is_no_backup(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(BackupError, match="not the manifest of a backup"):
        backups.read_manifest(tmp_path)


def test_secrets_stay_where_they_are(saved: Saved) -> None:
    settings = json.loads((saved.folder / "settings.json").read_text())
    assert {"WEIR_PARTITION_COUNT": "1"} == settings
    assert "signing_key" not in {table.name for table in saved.manifest.tables}
    files = [path for path in saved.folder.rglob("*") if path.is_file()]
    assert {0o600} == {path.stat().st_mode & 0o777 for path in files}


async def test_a_backup_is_never_written_over(saved: Saved) -> None:
    with pytest.raises(BackupError, match="is there already"):
        await back_up(saved.url, saved.folder.parent)
    assert [saved.folder] == list(saved.folder.parent.iterdir())


async def test_every_partitioned_table_gets_its_partitions_back(saved: Saved) -> None:
    if not saved.is_plain:
        pytest.skip("TimescaleDB makes its chunks by itself")
    connection = await asyncpg.connect(saved.url)
    partitioned = await connection.fetch("SELECT relname FROM pg_class WHERE relkind = 'p'")
    await connection.close()
    # Texts are few: they have the default partition only.
    assert {row["relname"] for row in partitioned} - {"text_reading"} == _MAKE_PARTITIONS.keys()
