"""A download whose database dies in the middle: nobody takes what came for the whole."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.integration.gateway.conftest import TOKEN, AddDevice, AddReadings
from tests.integration.gateway.test_server import Gateway
from weir.embedded.ports import free_ports
from weir.paths import ROOT
from weir.testing.conditions import eventually

pytestmark = pytest.mark.postgres

UNAVAILABLE_EXIT = 4
_FILL = """
    INSERT INTO reading SELECT series_id, timestamptz '2026-03-01Z' + i * interval '1 s', random()
    FROM series, generate_series(1, 600000) AS i
    """
_END_DOWNLOADS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'COPY%' AND state = 'active'
    """


@contextmanager
def exporting(gateway: Gateway) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "weir", "readings", "export", "pump-1"],
        cwd=ROOT,
        env={"WEIR_GATEWAY_URL": gateway.url, "WEIR_GATEWAY_TOKEN": TOKEN},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def gateway(migrated_database_url: str, tmp_path: Path) -> Gateway:
    (port,) = free_ports(1)
    return Gateway(migrated_database_url, port, tmp_path / "gateway.log")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_file_is_whole_or_has_another_name(
    gateway: Gateway,
    pool: asyncpg.Pool,
    add_device: AddDevice,
    add_readings: AddReadings,
    tmp_path: Path,
) -> None:
    await add_device("pump-1")
    await add_readings("pump-1", "a", {0: 1.0})
    await pool.execute(_FILL)
    whole, refused = tmp_path / "whole.csv", tmp_path / "refused.csv"
    with gateway.running():
        await gateway.answers("/readyz", 200)

        result = gateway.iotctl("readings", "export", "pump-1", "--out", str(whole))
        assert 0 == result.returncode, result.stderr
        assert 600_002 == len(whole.read_bytes().splitlines())

        # A reader that does not read on holds the download in the middle.
        with exporting(gateway) as process:
            assert process.stdout
            assert 10_000 == len(process.stdout.read(10_000))

            async def is_ended() -> bool:
                return bool(await pool.fetchval(_END_DOWNLOADS))

            await eventually(is_ended)
            _, error = process.communicate()
        assert UNAVAILABLE_EXIT == process.returncode
        assert "is not whole" in error

        result = gateway.iotctl("readings", "export", "nobody", "--out", str(refused))
        assert 3 == result.returncode
    assert ["gateway.log", "whole.csv"] == names_in(tmp_path)
