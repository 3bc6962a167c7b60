"""Migrations on a real PostgreSQL."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from weir.errors import MigrationError, StoreUnavailableError
from weir.postgres.migrate import migrate, pending, read_migrations
from weir.postgres.pool import open_pool
from weir.postgres.schema import make_partitions_ahead, require_schema

pytestmark = pytest.mark.postgres


async def test_two_processes_that_start_at_once_migrate_once(database_url: str) -> None:
    first, second = await asyncio.gather(migrate(database_url), migrate(database_url))

    names = [migration.name for migration in read_migrations()]
    assert names == sorted(first + second)
    assert [] == await pending(database_url)
    assert [] == await migrate(database_url)


async def test_a_service_waits_for_the_schema(database_url: str) -> None:
    with pytest.raises(StoreUnavailableError, match="iotctl migrate"):
        await require_schema(database_url)

    await migrate(database_url)

    await require_schema(database_url)


async def test_a_file_that_fails_changes_nothing(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "0001_pre_half.sql").write_text("CREATE TABLE half (a int); SELECT nonsense;")

    with pytest.raises(MigrationError, match="0001_pre_half"):
        await migrate(database_url, tmp_path)

    assert ["0001_pre_half"] == await pending(database_url, tmp_path)
    (tmp_path / "0001_pre_half.sql").write_text("CREATE TABLE half (a int);")
    assert ["0001_pre_half"] == await migrate(database_url, tmp_path)


async def test_a_database_that_is_away_says_so() -> None:
    with pytest.raises(StoreUnavailableError, match="PostgreSQL"):
        await migrate("postgresql://nobody@127.0.0.1:1/nowhere")


async def test_partitions_are_made_ahead_and_take_over_from_the_default(
    migrated_database_url: str,
) -> None:
    async with open_pool(migrated_database_url) as pool:
        if await pool.fetchval("SELECT storage_mode()") != "plain":
            pytest.skip("TimescaleDB makes its own chunks")
        stray = datetime(2031, 5, 4, 12, tzinfo=UTC)
        await pool.execute("INSERT INTO reading VALUES (1, $1, 1.5)", stray)
        assert 1 == await pool.fetchval("SELECT count(*) FROM reading_default")

        made = await make_partitions_ahead(pool, date(2031, 5, 4))

        # Nine days of readings, and the month of their minutes.
        assert 10 == made
        assert 0 == await make_partitions_ahead(pool, date(2031, 5, 4))
        assert 0 == await pool.fetchval("SELECT count(*) FROM reading_default")
        assert 1.5 == await pool.fetchval("SELECT value FROM reading_20310504")
        await pool.execute("INSERT INTO reading VALUES (1, $1, 2)", stray + timedelta(hours=12))
        assert 1 == await pool.fetchval("SELECT count(*) FROM reading_20310505")


@pytest.mark.newest
async def test_with_timescaledb_loaded_readings_are_a_hypertable(newest_database_url: str) -> None:
    await migrate(newest_database_url)

    connection = await asyncpg.connect(newest_database_url)
    try:
        assert "timescaledb" == await connection.fetchval("SELECT storage_mode()")
        tables = await connection.fetch(
            "SELECT hypertable_name FROM timescaledb_information.hypertables"
        )
        assert {"reading", "text_reading", "rollup_minute"} == {
            row["hypertable_name"] for row in tables
        }
    finally:
        await connection.close()
