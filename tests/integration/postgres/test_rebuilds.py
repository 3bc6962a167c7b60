"""A rebuild mends whatever was done to rollups."""

from datetime import timedelta

import asyncpg
import pytest

from tests.integration.postgres.rollup_world import START, START_US, World
from tests.integration.postgres.verifying import END, settle, verify
from weir.errors import NotFoundError
from weir.postgres.queries.rollup_progress import count_requests, list_requests
from weir.postgres.rebuilds import ask_rebuild
from weir.postgres.rollup_statements import Level

pytestmark = pytest.mark.postgres

READINGS = {START_US + 1_200_000_000 * index: index % 7 - 2.5 for index in range(200)}


@pytest.fixture
async def world(pool: asyncpg.Pool) -> World:
    world = World(pool)
    await pool.execute("UPDATE site SET time_zone = 'Europe/Berlin'")
    await world.store("power", READINGS)
    await settle(world)
    return world


async def difference_count(world: World) -> int:
    return len((await verify(world.pool)).differences)


@pytest.mark.parametrize("level", Level)
async def test_a_rebuild_mends_changed_deleted_and_invented_buckets(
    world: World, level: Level
) -> None:
    await world.pool.execute(
        f"UPDATE {level.table} SET sum = sum + 1, last_value = 7"  # noqa: S608
        f" WHERE bucket = (SELECT min(bucket) FROM {level.table})"
    )
    await world.pool.execute(
        f"UPDATE {level.table} SET bucket = bucket - interval '30 days 12 hours'"  # noqa: S608
        f" WHERE bucket = (SELECT max(bucket) FROM {level.table})"
    )
    found_before = await difference_count(world)
    await ask_rebuild(world.pool, (), None, START - timedelta(days=60), END)
    await world.project()
    assert (4, 0) == (found_before, await difference_count(world))


async def test_only_what_was_asked_for_is_computed_again(world: World) -> None:
    await world.pool.execute("UPDATE rollup_day SET sum = sum + 1")
    await ask_rebuild(world.pool, (), None, START, START + timedelta(hours=1))
    await world.project()
    assert 2 == await difference_count(world)


async def test_open_requests_are_listed_until_they_are_done(world: World) -> None:
    asked = await ask_rebuild(world.pool, (), "power", START, END)
    (listed,) = await list_requests(world.pool, 0, asked.last_id, 10)
    assert ("meter-1", "power", "rebuild", START, END, None) == (
        listed.serial,
        listed.field,
        listed.reason,
        listed.since,
        listed.until,
        listed.done_until,
    )
    await world.project()
    assert 0 == await count_requests(world.pool, asked.last_id)


async def test_nothing_can_be_computed_of_a_field_that_nobody_has(world: World) -> None:
    with pytest.raises(NotFoundError, match="voltage"):
        await ask_rebuild(world.pool, (), "voltage", START, END)
