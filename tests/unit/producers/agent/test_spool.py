"""The spool in an event loop: damage, full disks, and many who ask at once."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from producers.agent.configuration import WhenFull
from producers.agent.message import Message
from producers.agent.spool import ASIDE_SUFFIX, Spool, SpoolLimits
from producers.agent.spool_file import SpoolFile
from weir.errors import ConfigError, SpoolFullError
from weir.testing.conditions import eventually

BYTES_MAX = 10_000_000
LIMITS = SpoolLimits(BYTES_MAX)


def message(number: int, size: int = 1_000) -> Message:
    return Message("pump-1", "measurements", bytes(size), number, number)


async def waiting(spool: Spool) -> list[int]:
    page = await spool.do(lambda file: file.backlog("pump-1", 0, 10_000))
    return [each.first_us for _, each in page]


async def test_many_who_ask_at_once_share_a_transaction(tmp_path: Path) -> None:
    async with Spool(tmp_path / "spool", LIMITS) as spool:
        ids = await asyncio.gather(*(spool.append(message(number)) for number in range(100)))
        assert list(range(1, 101)) == [id_ for (id_,) in ids]
        assert list(range(100)) == await waiting(spool)


async def test_what_was_acknowledged_is_gone_after_an_orderly_end(tmp_path: Path) -> None:
    async with Spool(tmp_path / "spool", LIMITS) as spool:
        ids = await spool.append(message(1), message(2))
        spool.remove([ids[0] or 0])
    async with Spool(tmp_path / "spool", LIMITS) as spool:
        assert [2] == await waiting(spool)
    assert 0o600 == (tmp_path / "spool").stat().st_mode & 0o777


async def test_an_id_is_under_way_until_its_message_is_gone(tmp_path: Path) -> None:
    async with Spool(tmp_path / "spool", LIMITS) as spool:
        (id_,) = await spool.append(message(1))
        assert id_ is not None
        spool.under_way.add(id_)
        spool.remove([id_])
        assert {id_} == spool.under_way
        await eventually(lambda: not spool.under_way)
        assert 0 == spool.waiting_count


async def test_one_who_fails_does_not_take_the_others_along(tmp_path: Path) -> None:
    limits = SpoolLimits(3_000, WhenFull.STOP_READING)
    async with Spool(tmp_path / "spool", limits) as spool:
        outcomes = await asyncio.gather(
            *(spool.append(message(number)) for number in range(4)), return_exceptions=True
        )
        assert [False, False, True, True] == [isinstance(each, SpoolFullError) for each in outcomes]
        assert [0, 1] == await waiting(spool)


@pytest.mark.parametrize(
    "content", [b"rubbish" * 1_000, b"SQLite format 3\0" * 64], ids=["rubbish", "header"]
)
async def test_a_damaged_file_is_put_aside_and_a_new_one_begun(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "spool"
    path.write_bytes(content)
    (tmp_path / f"spool{ASIDE_SUFFIX}-1").write_bytes(b"an earlier one")
    with capture_logs() as logs:
        async with Spool(path, LIMITS) as spool:
            await spool.append(message(1))
            assert [1] == await waiting(spool)
            assert [tmp_path / f"spool{ASIDE_SUFFIX}-2"] == spool.set_aside
    assert content == (tmp_path / f"spool{ASIDE_SUFFIX}-2").read_bytes()
    assert [("spool_damage_found", "error")] == [(e["event"], e["log_level"]) for e in logs]


async def test_damage_is_survived_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    async with Spool(path, LIMITS) as spool:
        await spool.append(*(message(number) for number in range(200)))
        await spool.do(checkpoint)
        with path.open("r+b") as file:
            file.seek(4_096)
            file.write(b"\xff" * 200_000)
        with capture_logs() as logs:
            (id_,) = await spool.append(message(1_000))
        assert ["spool_damage_found"] == [entry["event"] for entry in logs]
        # Ids go on, so that what is still under way removes nothing of the new file.
        assert 201 == id_
        assert [1_000] == await waiting(spool)


def checkpoint(file: SpoolFile) -> None:
    file._connection.execute("COMMIT")
    file._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    # Nothing that was read stays in memory.
    file._connection.execute("PRAGMA shrink_memory")
    file._connection.execute("BEGIN")


def limit_disk(file: SpoolFile) -> None:
    pages = file._connection.execute("PRAGMA page_count").fetchone()[0]
    file._connection.execute(f"PRAGMA max_page_count = {pages}")


async def test_on_a_full_disk_the_oldest_make_room(tmp_path: Path) -> None:
    async with Spool(tmp_path / "spool", LIMITS) as spool:
        await spool.append(*(message(number) for number in range(50)))
        await spool.do(limit_disk)
        for number in range(50, 100):
            await spool.append(message(number))
        assert 99 == (await waiting(spool))[-1]
        (gap,) = await spool.take_gaps()
        assert (0, spool.dropped_count) == (gap.first_us, gap.message_count)
        assert 100 == spool.dropped_count + spool.waiting_count


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of three megabytes; only an administrator may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if (
        os.geteuid()
        or shutil.which("mount") is None
        or subprocess.run(mount, check=False).returncode
    ):
        pytest.skip("cannot mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_disk_that_is_really_full_keeps_the_newest(small_disk: Path) -> None:
    async with Spool(small_disk / "spool", SpoolLimits(1_000_000_000)) as spool:
        for number in range(400):
            await spool.append(message(number, 20_000))
        kept = await waiting(spool)
        assert list(range(400 - len(kept), 400)) == kept
        assert len(kept) > 30
        (gap,) = await spool.take_gaps()
        assert (0, kept[0] - 1, kept[0]) == (gap.first_us, gap.last_us, gap.message_count)
    fill(small_disk)
    async with Spool(small_disk / "spool", SpoolLimits(1_000_000_000)) as spool:
        await spool.append(message(400, 20_000))
        assert 400 == (await waiting(spool))[-1]


def fill(folder: Path) -> None:
    """Leave no room on a disk."""
    with (folder / "other").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4_096)):
            pass


async def test_on_a_full_disk_that_may_drop_nothing_readings_are_refused(tmp_path: Path) -> None:
    limits = SpoolLimits(BYTES_MAX, WhenFull.STOP_READING)
    async with Spool(tmp_path / "spool", limits) as spool:
        await spool.append(*(message(number) for number in range(50)))
        await spool.do(limit_disk)
        with pytest.raises(SpoolFullError, match="database or disk is full"):
            await spool.append(message(50, 100_000))
        assert 50 == spool.waiting_count


async def test_no_folder_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        async with Spool(tmp_path / "none" / "spool", LIMITS):
            pytest.fail("opened in no folder")
