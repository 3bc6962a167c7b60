"""What verifying rollups finds, and what it leaves alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
import pytest

from tests.integration.postgres.rollup_world import START, START_US, World, seconds
from tests.integration.postgres.verifying import END, settle, verify
from weir.clock import from_us
from weir.model.limits import OBSERVED_AT_MIN
from weir.postgres.queries.rollup_check import Difference, LevelCount
from weir.postgres.queries.rollup_verification import (
    DIFFERENCES_MAX,
    WantedBuckets,
    verify_rollups,
)
from weir.postgres.rollup_statements import COLUMNS, Level

pytestmark = pytest.mark.postgres

#: Three days, of which the last is left open; every 20 minutes.
READINGS = {START_US + 1_200_000_000 * index: index % 7 - 2.5 for index in range(200)}


@pytest.fixture
def world(pool: asyncpg.Pool) -> World:
    return World(pool)


def places(found: Sequence[Difference]) -> set[tuple[Level, datetime, str]]:
    return {(each.level, each.bucket, each.column) for each in found}


async def test_rollups_that_are_right_have_no_differences(world: World) -> None:
    await world.pool.execute("UPDATE site SET time_zone = 'Europe/Berlin'")
    await world.store("power", READINGS)
    await settle(world)
    found = await verify(world.pool)
    assert [] == found.differences
    assert {
        Level.MINUTE: LevelCount(200),
        Level.HOUR: LevelCount(67),
        Level.DAY: LevelCount(3),
        Level.SITE_DAY: LevelCount(3),
    } == found.counts


@pytest.mark.parametrize("level", Level)
async def test_one_wrong_column_of_one_bucket_is_found(world: World, level: Level) -> None:
    # A site whose days are computed from minutes: its midnight is within an hour of UTC.
    await world.pool.execute("UPDATE site SET time_zone = 'Asia/Kathmandu'")
    await world.store("energy", READINGS)
    await world.pool.execute("UPDATE series SET kind = 'total'")
    await settle(world)
    newest = await world.pool.fetchval(f"SELECT max(bucket) FROM {level.table}")  # noqa: S608
    found = {}
    for column in COLUMNS:
        change = f"UPDATE {level.table} SET {column} = {column} {{}} WHERE bucket = $1"  # noqa: S608
        step = "interval '1 microsecond'" if column.endswith("_at") else "1"
        await world.pool.execute(change.format(f"+ {step}"), newest)
        found[column] = places((await verify(world.pool)).differences)
        await world.pool.execute(change.format(f"- {step}"), newest)
    assert {column: {(level, newest, column)} for column in COLUMNS} == found


@pytest.mark.parametrize("level", Level)
async def test_a_missing_and_a_superfluous_bucket_are_found(world: World, level: Level) -> None:
    await world.pool.execute("UPDATE site SET time_zone = 'Europe/Berlin'")
    await world.store("power", READINGS)
    await settle(world)
    moved, invented = await world.pool.fetchrow(
        f"UPDATE {level.table} SET bucket = bucket - interval '30 days'"  # noqa: S608
        f" WHERE bucket = (SELECT max(bucket) FROM {level.table})"
        " RETURNING bucket + interval '30 days', bucket"
    ) or (None, None)
    found = (await verify(world.pool)).differences
    assert {(level, moved, "count"), (level, invented, "count")} == places(found)
    assert {(moved, True), (invented, False)} == {
        (each.bucket, each.stored is None) for each in found
    }


async def test_a_day_of_another_time_zone_is_found(world: World) -> None:
    await world.pool.execute("UPDATE site SET time_zone = 'Europe/Berlin'")
    await world.store("power", READINGS)
    await settle(world)
    await world.pool.execute("UPDATE site SET time_zone = 'Europe/Paris'")
    same_midnight = (await verify(world.pool)).differences
    await world.pool.execute("UPDATE site SET time_zone = 'UTC'")
    none_at_all = (await verify(world.pool)).differences
    assert {"time_zone"} == {each.column for each in same_midnight}
    assert [(Level.SITE_DAY, "count", None)] * 3 == [
        (each.level, each.column, each.expected) for each in none_at_all
    ]


async def test_a_wrong_minute_is_not_taken_for_a_wrong_hour_and_hides_none(world: World) -> None:
    await world.store("power", READINGS)
    await settle(world)
    await world.pool.execute("UPDATE rollup_minute SET sum = sum + 1 WHERE bucket = $1", START)
    assert {(Level.MINUTE, START, "sum")} == places((await verify(world.pool)).differences)
    await world.pool.execute("UPDATE rollup_hour SET sum = sum + 1 WHERE bucket = $1", START)
    await world.pool.execute("UPDATE rollup_day SET sum = sum + 1 WHERE bucket = $1", START)
    assert {(level, START, "sum") for level in (Level.MINUTE, Level.HOUR, Level.DAY)} == places(
        (await verify(world.pool)).differences
    )


async def test_only_buckets_that_end_in_the_window_are_compared(world: World) -> None:
    await world.store("power", READINGS)
    await settle(world)
    found = await verify(
        world.pool, START + timedelta(hours=23, minutes=30), START + timedelta(hours=25)
    )
    assert [4, 2, 1] == [found.counts[level].checked for level in Level][:3]


async def test_what_is_not_settled_is_left_alone(world: World) -> None:
    await world.store("power", READINGS)
    await world.settle()
    await world.pool.execute(
        "UPDATE rollup_progress SET rolled_until = $1", START + timedelta(minutes=121)
    )
    await world.pool.execute("DELETE FROM rollup_day")
    await world.pool.execute(
        "UPDATE rollup_hour SET sum = 1e9 WHERE bucket >= $1", START.replace(hour=2)
    )
    found = await verify(world.pool)
    assert [] == found.differences
    assert [6, 2, 0] == [found.counts[level].checked for level in Level][:3]


async def test_what_is_to_be_computed_again_is_left_alone(world: World) -> None:
    await world.store("power", READINGS)
    await settle(world)
    await world.pool.execute("UPDATE rollup_minute SET sum = 1e9")
    await world.pool.execute(
        "INSERT INTO rollup_request (series_id, since, until, reason)"
        " SELECT series_id, '-infinity', $1, 'rebuild' FROM series",
        from_us(max(READINGS) + 60_000_000),
    )
    found = await verify(world.pool)
    assert [] == found.differences
    assert [LevelCount(waiting=200), LevelCount(waiting=67)] == [
        found.counts[level] for level in (Level.MINUTE, Level.HOUR)
    ]


async def test_what_it_was_computed_from_may_be_gone(world: World) -> None:
    await world.store("power", READINGS)
    await settle(world)
    kept_from = START + timedelta(days=1)
    await world.pool.execute("DELETE FROM reading WHERE observed_at < $1", kept_from)
    await world.pool.execute(
        "INSERT INTO series_kept (series_id, raw_from) SELECT series_id, $1 FROM series", kept_from
    )
    found = await verify(world.pool)
    assert [] == found.differences
    assert [LevelCount(128, 72), LevelCount(67), LevelCount(3)] == [
        found.counts[level] for level in Level
    ][:3]


async def test_sums_at_the_edge_of_a_double_are_right_when_infinite(world: World) -> None:
    await world.store("power", dict(zip(seconds([0, 1, 2]), [1.7e308, 1.7e308, -5.0], strict=True)))
    await settle(world)
    assert [] == (await verify(world.pool)).differences


async def test_very_many_differences_come_in_bounded_answers(world: World) -> None:
    await world.store("power", {START_US + 60_000_000 * index: 1.0 for index in range(3_000)})
    await settle(world)
    await world.pool.execute("DELETE FROM rollup_minute")
    wanted = WantedBuckets((), None, OBSERVED_AT_MIN, END)
    first = await verify_rollups(world.pool, wanted, None)
    assert first.place is not None
    assert len(first.differences) < 2 * DIFFERENCES_MAX
    found = (await verify(world.pool)).differences
    assert 3_000 == len([each for each in found if each.level is Level.MINUTE])
    assert {"count"} == {each.column for each in found}


async def test_without_any_rollups_nothing_is_compared(world: World) -> None:
    await world.store("power", READINGS)
    found = await verify_rollups(world.pool, WantedBuckets((), None, OBSERVED_AT_MIN, END), None)
    assert (None, None) == (found.progress.settled_until, found.place)
