"""The disk of the database is full: what was committed stays, and then it goes on."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from weir.embedded import postgres_cluster
from weir.embedded.account import server_account
from weir.embedded.ports import free_ports
from weir.embedded.postgres_server import PostgresServer
from weir.errors import StoreUnavailableError
from weir.postgres.pool import open_pool, transaction
from weir.testing.conditions import eventually
from weir.testing.servers import running

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        os.geteuid() != 0 or not postgres_cluster.is_installed(),
        reason="a small file system is mounted by root only",
    ),
]

SMALL, LARGE = "size=150m", "size=600m"
ROWS_AT_ONCE = 100_000
#: More than the small file system holds.
COMMIT_COUNT_MAX = 40
RECOVERED_S = 60.0


@dataclass(frozen=True)
class SmallDisk:
    """A database on a file system that is soon full."""

    url: str
    folder: Path

    def make_room(self) -> None:
        command = ["mount", "-o", f"remount,{LARGE}", str(self.folder)]
        subprocess.run(command, check=True)


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    parent = Path(tempfile.mkdtemp(prefix="weir-test-"))
    parent.chmod(0o755)
    folder = parent / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", SMALL, "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a file system cannot be mounted here")
    try:
        folder.chmod(0o755)
        (port,) = free_ports(1)
        server = PostgresServer(folder / "postgres", port, parent / "secrets", server_account())
        server.prepare()
        with running(server.server(), logs=parent):
            yield SmallDisk(server.superuser_url, folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        shutil.rmtree(parent, ignore_errors=True)


async def test_a_full_disk_is_waited_out_and_nothing_that_was_committed_is_gone(
    small_disk: SmallDisk,
) -> None:
    committed = 0

    async def store() -> bool:
        nonlocal committed
        async with transaction(pool) as connection:
            await connection.execute(
                "INSERT INTO filling SELECT $1, n FROM generate_series(1, $2::integer) AS n",
                committed,
                ROWS_AT_ONCE,
            )
        committed += 1
        return True

    async with open_pool(small_disk.url) as pool:
        await pool.execute("CREATE TABLE filling (batch integer, n integer)")

        async def fill() -> None:
            for _ in range(COMMIT_COUNT_MAX):
                await store()

        with pytest.raises(StoreUnavailableError):
            await fill()
        assert 0 < committed < COMMIT_COUNT_MAX
        small_disk.make_room()

        async def stores_again() -> bool:
            try:
                return await store()
            except StoreUnavailableError as error:
                raise AssertionError(str(error)) from error

        await eventually(stores_again, RECOVERED_S)
        rows = await pool.fetch("SELECT batch, count(*) AS count FROM filling GROUP BY batch")
    assert dict.fromkeys(range(committed), ROWS_AT_ONCE) == {
        row["batch"]: row["count"] for row in rows
    }
