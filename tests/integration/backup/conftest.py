"""Two databases: one with everything that an installation can have, and an empty one beside it."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from weir import backups
from weir.config import Settings
from weir.model.backup import Manifest
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.postgres.schema import make_partitions_ahead
from weir.testing.databases import open_database

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
#: Days before today, the default partition (long ago), and the future.
_DAYS = (0, 1, 2, 400)
_FILL = (
    "INSERT INTO site (org_id, slug, name) SELECT org_id, 'harbour', 'Harbour' FROM organisation",
    """INSERT INTO device (serial, site_id)
       SELECT 'pump-' || n, site_id FROM generate_series(1, 3) AS n, site WHERE slug = 'harbour'""",
    """INSERT INTO series (device_id, field)
       SELECT device_id, field FROM device, unnest(ARRAY['pressure', 'tide/level']) AS field""",
    """INSERT INTO stream_offset (consumer, stream, next_offset)
       VALUES ('measurements', 'sensor.all.measurements.db_writer.0', 7),
              ('journal_relay', 'journal', 2)""",
    "INSERT INTO signing_key VALUES ('k', decode(repeat('00', 32), 'hex'), now())",
)
_READINGS = """
    INSERT INTO reading (series_id, observed_at, value)
    SELECT series_id, $1::timestamptz + n * interval '1 second', random() * 1e6
    FROM series, generate_series(0, 199) AS n
    """
_LETTER = """
    INSERT INTO dead_letter (consumer, source, source_offset, reason, error, exchange, routing_key,
                             body, attempts, first_seen_at)
    VALUES ('measurements', 'sensor.all.measurements.db_writer.0', 5, 'undecodable', 'no', 'iot',
            'sensor.pump-1.measurements', $1, 1, now())
    """


@dataclass(frozen=True)
class Saved:
    """A database with rows in every kind of place, and a backup of it."""

    url: str
    folder: Path
    manifest: Manifest

    @property
    def is_plain(self) -> bool:
        """Whether the server is without TimescaleDB."""
        return self.manifest.storage_mode == "plain"


@pytest.fixture(scope="module")
def saved(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:
    """For all tests that do not change it: what takes long is done once."""
    into = tmp_path_factory.mktemp("backups")
    with asyncio.Runner() as runner:
        database = open_database(postgres_url, f"test_{secrets.token_hex(6)}")
        url = runner.run(database.__aenter__())
        try:
            runner.run(_fill(url))
            folder, manifest = runner.run(back_up(url, into))
            yield Saved(url, folder, manifest)
        finally:
            runner.run(database.__aexit__(None, None, None))


@pytest.fixture
def copy(saved: Saved, tmp_path: Path) -> Path:
    """Give a backup that may be damaged."""
    return shutil.copytree(saved.folder, tmp_path / "copy")


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    async with open_database(postgres_url, f"test_{secrets.token_hex(6)}") as url:
        yield url


async def back_up(url: str, into: Path) -> tuple[Path, Manifest]:
    environ = {"WEIR_PARTITION_COUNT": "1", "WEIR_POSTGRES_URL": url}
    return await backups.back_up(settings(url), into, NOW, environ, lambda _: None)


async def restore(url: str, folder: Path, *, is_broker_new: bool = False) -> Manifest:
    return await backups.restore(
        settings(url), folder, is_broker_new=is_broker_new, report=lambda _: None
    )


def settings(url: str) -> Settings:
    return Settings.from_env({"WEIR_POSTGRES_URL": url})


def sums(manifest: Manifest) -> dict[str, tuple[int, int]]:
    """What has to be the same after a restore."""
    return {table.name: (table.row_count, table.checksum) for table in manifest.tables}


async def count(url: str, table: str = "reading") -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608
    finally:
        await connection.close()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _fill(url: str) -> None:
    await migrate(url)
    async with open_pool(url) as pool:
        await make_partitions_ahead(pool, NOW.date())
        for statement in _FILL:
            await pool.execute(statement)
        for days in _DAYS:
            await pool.execute(_READINGS, NOW - timedelta(days=days))
        await pool.execute(_LETTER, bytes(range(256)))
