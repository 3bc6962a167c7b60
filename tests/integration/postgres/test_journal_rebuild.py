"""What is missing or different is told, and put right when that is wanted."""

from pathlib import Path

import asyncpg
import pytest

from tests.integration.postgres.test_registry_property import ADA, World, assert_equal
from weir.errors import ConflictError, UnknownEventError
from weir.paths import MIGRATIONS
from weir.postgres.journal_rebuild import Comparison, rebuild_registry
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.postgres.sites import SiteName, create_site

pytestmark = pytest.mark.postgres


async def test_what_was_changed_behind_the_journal_is_told_and_put_right(
    pool: asyncpg.Pool,
) -> None:
    await World(pool, 1).act(60)
    before = await everything(pool)
    await pool.execute("UPDATE device SET firmware = 'forged' WHERE serial = 'pump-1'")
    await pool.execute("DELETE FROM series WHERE field = 'energy'")
    await pool.execute(
        "INSERT INTO site (org_id, slug, name) SELECT org_id, 'ghost', 'x' FROM organisation"
    )

    sites, devices, series, *_ = await rebuild_registry(pool)
    assert_equal(await rebuild_after_apply(pool))

    assert [("ghost", None)] == [
        (each.live and each.live["slug"], each.rebuilt) for each in sites.differences
    ]
    [device] = devices.differences
    assert "forged" == (device.live or {})["firmware"]
    assert {"energy"} == {(each.rebuilt or {})["field"] for each in series.differences}
    assert before == await everything(pool)


async def test_a_series_is_not_taken_from_its_readings(pool: asyncpg.Pool) -> None:
    await World(pool, 1).act(60)
    await pool.execute(
        "INSERT INTO series (device_id, field) SELECT device_id, 'unknown' FROM device LIMIT 1"
    )
    await pool.execute(
        "INSERT INTO reading SELECT series_id, now(), 1 FROM series WHERE field = 'unknown'"
    )
    before = await everything(pool)

    with pytest.raises(ConflictError, match=r"unknown has readings"):
        await rebuild_registry(pool, apply=True)

    assert before == await everything(pool)


async def test_tables_that_are_lost_come_back_with_their_numbers(pool: asyncpg.Pool) -> None:
    await World(pool, 2).act(60)
    before = await everything(pool)
    await pool.execute("TRUNCATE site, device, series CASCADE")

    assert_equal(await rebuild_after_apply(pool))

    assert before == await everything(pool)
    assert (await create_site(pool, SiteName("new"), "New", "UTC", ADA)).site_id


async def test_comparing_changes_nothing(pool: asyncpg.Pool) -> None:
    await World(pool, 3).act(30)
    await pool.execute("UPDATE device SET firmware = 'forged'")

    await rebuild_registry(pool)

    assert {"forged"} == {
        row["firmware"] for row in await pool.fetch("SELECT firmware FROM device")
    }


async def test_a_journal_of_a_newer_release_is_not_guessed_at(pool: asyncpg.Pool) -> None:
    await pool.execute(
        "INSERT INTO journal (entity, entity_id, entity_version, type, data, actor) "
        "VALUES ('device', 'pump-1', 1, 'device_beamed', '{}', 'user:ada')"
    )

    with pytest.raises(UnknownEventError, match="device_beamed"):
        await rebuild_registry(pool)


async def test_an_installation_of_before_can_be_rebuilt_too(
    database_url: str, tmp_path: Path
) -> None:
    """Its series were never journalled, and its devices without their numbers."""
    for path in sorted(MIGRATIONS.glob("000[1-9]_*.sql")):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    await migrate(database_url, tmp_path)
    async with open_pool(database_url) as pool:
        await pool.execute(_OLD_REGISTRY)
        await migrate(database_url)

        assert_equal(await rebuild_registry(pool))
        before = await everything(pool)
        await World(pool, 4).act(40)
        assert_equal(await rebuild_registry(pool))
        await pool.execute("TRUNCATE site, device, series CASCADE")
        assert_equal(await rebuild_after_apply(pool))

        assert before["series"][0]["series_id"] in {
            row["series_id"] for row in (await everything(pool))["series"]
        }


_OLD_REGISTRY = """
    INSERT INTO device (serial, site_id, model, firmware, boot_id, entity_version, state)
    SELECT 'old-1', site_id, 'P-100', '1.0', 7, 3, 'pending' FROM site;
    INSERT INTO journal (entity, entity_id, entity_version, type, data, actor) VALUES
    ('device', 'old-1', 1, 'device_enrolled',
     '{"serial": "old-1", "site": "unassigned", "is_pending": true}', 'old-1'),
    ('device', 'old-1', 2, 'device_described',
     '{"model": "P-100", "firmware": "1.0", "sample_rate_hz": 0, "fields": []}', 'old-1'),
    ('device', 'old-1', 3, 'device_started', '{"boot_id": 7}', 'old-1');
    INSERT INTO series (device_id, field, unit, kind)
    SELECT device_id, 'energy', 'kW.h', 'total_increasing' FROM device;
    """


async def rebuild_after_apply(pool: asyncpg.Pool) -> list[Comparison]:
    await rebuild_registry(pool, apply=True)
    return await rebuild_registry(pool)


async def everything(pool: asyncpg.Pool) -> dict[str, list[dict[str, object]]]:
    """Read the tables whole, save when devices last announced themselves."""
    found = {}
    for table in ("site", "device", "series"):
        rows = await pool.fetch(f"SELECT * FROM {table} ORDER BY {table}_id")  # noqa: S608
        found[table] = [
            {name: value for name, value in row.items() if name != "announced_at"} for row in rows
        ]
    return found
