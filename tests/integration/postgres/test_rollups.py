"""Rollups of a real database against DuckDB, whatever order readings come in."""

import math
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from tests.integration.postgres.rollup_checks import assert_same
from tests.integration.postgres.rollup_oracle import rollups
from tests.integration.postgres.rollup_world import START, START_US, STREAM, World, seconds
from weir.codec.encode import encode_deletion
from weir.errors import RefusedItemsError

pytestmark = pytest.mark.postgres

LEVELS = ("minute", "hour", "day")
BERLIN = "Europe/Berlin"


@pytest.fixture
def world(pool: asyncpg.Pool) -> World:
    return World(pool)


async def assert_rolled_up(
    world: World, name: str, readings: Mapping[int, float], kind: str = "gauge"
) -> None:
    for level in LEVELS:
        assert_same(rollups(readings, level, kind), await world.buckets(level, name))


async def test_every_level_equals_a_recompute_from_the_readings(world: World) -> None:
    readings = {START_US + second * 20_000_000: second % 7 - 3.0 for second in range(20_000)}
    await world.store("power", dict(list(readings.items())[:10_000]))
    await world.store("power", dict(list(readings.items())[10_000:]))
    await world.settle()
    await assert_rolled_up(world, "power", readings)


async def test_late_repeated_and_corrected_readings_change_their_own_buckets(world: World) -> None:
    times = seconds([0, 30, 61, 3_600, 90_000])
    readings = dict(zip(times, [1.0, 2.0, 3.0, 4.0, 5.0], strict=True))
    await world.store("power", readings)
    await world.settle()
    late = dict(zip(seconds([10, 7_200]), [7.0, 8.0], strict=True))
    await world.store("power", late)
    await world.store("power", readings)
    correction = {times[1]: -20.0}
    await world.store("power", correction, is_correction=True)
    await world.settle()
    await assert_rolled_up(world, "power", readings | late | correction)


async def test_deleted_readings_are_gone_from_every_level(world: World) -> None:
    readings = dict(
        zip(seconds([0, 45, 61, 3_600, 90_000]), [1.0, 2.0, 3.0, 4.0, 5.0], strict=True)
    )
    await world.store("power", readings)
    await world.settle()
    await world.delete("power", *seconds([30, 3_601]))
    await world.settle()
    kept = {at: value for at, value in readings.items() if value in {1.0, 5.0}}
    await assert_rolled_up(world, "power", kept)


async def test_a_reading_that_is_sent_after_its_deletion_stays(world: World) -> None:
    await world.store("power", {START_US: 1.0})
    await world.delete("power", *seconds([0, 60]))
    await world.store("power", {START_US: 2.0})
    await world.settle()
    await assert_rolled_up(world, "power", {START_US: 2.0})


async def test_a_deletion_that_nobody_asked_for_is_refused(world: World) -> None:
    await world.store("power", {START_US: 1.0})
    with pytest.raises(RefusedItemsError) as refused:
        await world.write(encode_deletion(UUID(int=7)))
    assert {0: "unknown_deletion"} == {
        index: error.reason for index, error in refused.value.errors.items()
    }


async def test_readings_of_past_days_are_noted_with_where_they_came(world: World) -> None:
    await world.store("power", dict.fromkeys(seconds([-3 * 86_400, -86_400, 0]), 1.0))
    noted = await world.pool.fetch("SELECT day, stream, next_offset FROM reading_arrival")
    assert [(START.date() - timedelta(days=3), STREAM, 1)] == [tuple(row) for row in noted]


async def test_a_minute_under_way_is_computed_when_it_has_ended(world: World) -> None:
    for second in range(0, 60, 5):
        await world.store("power", {START_US + second * 1_000_000: 1.0})
        await world.project()
        world.clock.advance(5)
    assert {} == await world.buckets("minute", "power")
    world.clock.advance(3)
    await world.project()
    assert [12] == [bucket["count"] for bucket in (await world.buckets("minute", "power")).values()]


async def test_what_waits_is_read_again_after_a_restart(world: World) -> None:
    await world.store("power", {START_US: 1.0})
    await world.project()
    world.restart()
    await world.settle()
    await assert_rolled_up(world, "power", {START_US: 1.0})


async def test_a_device_whose_clock_is_ahead_does_not_wait_for_its_minute(world: World) -> None:
    future = {START_US + 40_000_000_000: 1.0}
    await world.store("power", future)
    await world.settle()
    await assert_rolled_up(world, "power", future)


@pytest.mark.parametrize("kind", ["total", "total_increasing"])
async def test_a_counter_rises_over_restarts_and_gaps(world: World, kind: str) -> None:
    readings = dict(
        zip(seconds([0, 20, 50, 70, 4_000, 90_000]), [5.0, 9.0, 0.5, 2.0, 1.95, 10.0], strict=True)
    )
    await world.store("energy", readings)
    await world.pool.execute("UPDATE series SET kind = $1", kind)
    await world.settle()
    await assert_rolled_up(world, "energy", readings, kind)


async def test_days_of_a_site_follow_its_clock_and_its_summer_time(world: World) -> None:
    await world.pool.execute("UPDATE site SET time_zone = $1", BERLIN)
    readings = {START_US + hour * 3_600_000_000: float(hour) for hour in range(-30, 60)}
    await world.store("power", readings)
    await world.settle()
    expected = rollups(readings, "site_day", "gauge", BERLIN)
    assert 25 in {bucket["count"] for bucket in expected.values()}
    assert_same(expected, await world.buckets("site_day", "power"))


async def test_days_that_begin_between_two_hours_of_utc_are_exact(world: World) -> None:
    await world.pool.execute("UPDATE site SET time_zone = 'Asia/Kathmandu'")
    readings = {START_US + minute * 600_000_000: float(minute) for minute in range(400)}
    await world.store("power", readings)
    await world.settle()
    expected = rollups(readings, "site_day", "gauge", "Asia/Kathmandu")
    assert_same(expected, await world.buckets("site_day", "power"))


async def test_values_at_the_edge_of_a_double_make_sums_infinite_and_stop_nothing(
    world: World,
) -> None:
    await world.store("power", dict(zip(seconds([0, 1, 2]), [1.7e308, 1.7e308, -5.0], strict=True)))
    await world.settle()
    (bucket,) = (await world.buckets("day", "power")).values()
    assert (3, math.inf, math.inf, -5.0) == tuple(
        bucket[name] for name in ("count", "sum", "sum_squares", "sum_negative")
    )
