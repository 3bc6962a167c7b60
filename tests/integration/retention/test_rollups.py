"""Minutes, hours and days: each goes by its own age, and never before what it is computed from."""

from datetime import timedelta

import pytest

from tests.integration.retention.store_room import StoreRoom, day, partitions_of, rows_of
from weir.model.retention import Layer, Scope

pytestmark = pytest.mark.postgres

AGES = {Layer.RAW: 3, Layer.MINUTE: 10, Layer.HOUR: 20, Layer.DAY: 40}
VIBRATION = Scope(series_class="vibration")
MINUTE = timedelta(minutes=1)


async def test_each_level_goes_at_the_midnight_of_its_own_age(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages(AGES)
    for level, age in (("minute", 10), ("hour", 20), ("day", 40)):
        unit = {"minute": MINUTE, "hour": timedelta(hours=1), "day": timedelta(days=1)}[level]
        await room.put_bucket(level, "pump", day(-300), day(-age) - unit, day(-age), day(-1))

    report = await room.run()

    for level, age in (("minute", 10), ("hour", 20), ("day", 40)):
        assert [day(-age), day(-1)] == await room.left(f"rollup_{level}", "pump")
        assert day(-age) == await room.kept_from("pump", level)
    assert [] == report.waits
    assert (2, 2) == (rows_of(report)["rollup_hour"], rows_of(report)["rollup_day"])


async def test_minutes_go_by_whole_partitions_where_nobody_keeps_them(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages(AGES)
    # A month, and a chunk of thirty days, that end before the bound.
    if await room.pool.fetchval("SELECT storage_mode()") == "plain":
        await room.pool.execute("SELECT ensure_minute_partitions('2026-03-01', '2026-03-31')")
    await room.put_bucket("minute", "pump", day(-70), day(-69), day(-2))

    report = await room.run()

    assert 1 == len(partitions_of(report, Layer.MINUTE))
    assert [day(-2)] == await room.left("rollup_minute", "pump")


async def test_a_class_that_keeps_minutes_for_less_time_leaves_those_of_others(
    room: StoreRoom,
) -> None:
    await room.add_series("pump")
    await room.add_series("shaker", series_class="vibration")
    await room.set_ages({Layer.RAW: 1, Layer.MINUTE: 5}, VIBRATION)
    for name in ("pump", "shaker"):
        await room.put_bucket("minute", name, day(-70), day(-5) - MINUTE, day(-5))

    await room.run()

    assert [day(-5)] == await room.left("rollup_minute", "shaker")
    assert [day(-70), day(-5) - MINUTE, day(-5)] == await room.left("rollup_minute", "pump")


async def test_minutes_stay_as_long_as_readings_that_cannot_go(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages({**AGES, Layer.MINUTE: 3, Layer.HOUR: 3})
    await room.put("pump", day(-5))
    await room.put_bucket("minute", "pump", day(-5))
    await room.put_bucket("hour", "pump", day(-5))
    await room.note_offsets(written=100, rolled=50, until=day(-5))

    report = await room.run()

    assert [day(-5)] == await room.left("rollup_minute", "pump")
    assert [day(-5)] == await room.left("rollup_hour", "pump")
    assert {Layer.RAW} <= {wait.layer for wait in report.waits}

    await room.note_offsets(written=100, rolled=100)
    assert [] == (await room.run()).waits
    assert [] == await room.left("rollup_minute", "pump")
    assert [] == await room.left("rollup_hour", "pump")


async def test_minutes_that_late_readings_still_need_stay_until_those_are_gone(
    room: StoreRoom,
) -> None:
    await room.add_series("pump")
    await room.add_series("meter", site="museum")
    await room.set_ages(dict.fromkeys([Layer.RAW, Layer.MINUTE]), Scope(site="museum"))
    await room.set_ages({Layer.RAW: 3})
    await room.put_bucket("minute", "pump", day(-8), day(-6))
    await room.run()
    # Late, rolled up, and not noted: no sweep finds it, and no partition goes with it.
    await room.put("pump", day(-7))
    await room.put("meter", day(-7))
    await room.set_ages({Layer.MINUTE: 3})

    await room.run()

    assert [day(-6)] == await room.left("rollup_minute", "pump")
    assert day(-7) == await room.kept_from("pump", "minute")


async def test_what_somebody_wants_computed_again_stays_until_it_is(room: StoreRoom) -> None:
    series_id = await room.add_series("pump")
    await room.set_ages({**AGES, Layer.MINUTE: 3})
    await room.put_bucket("minute", "pump", day(-8), day(-6))
    await room.pool.execute(
        "INSERT INTO rollup_request (series_id, reason) VALUES ($1, 'time_zone')", series_id
    )

    report = await room.run()

    assert {"rollups are being computed again (time_zone)"} == {
        wait.reason for wait in report.waits
    }
    assert [day(-8), day(-6)] == await room.left("rollup_minute", "pump")
    await room.pool.execute("DELETE FROM rollup_request")
    await room.run()
    assert [] == await room.left("rollup_minute", "pump")


async def test_a_seal_goes_when_the_late_readings_of_its_bucket_do(room: StoreRoom) -> None:
    series_id = await room.add_series("pump")
    await room.set_ages(AGES)
    await room.run()
    await room.put("pump", day(-6))
    for level in ("minute", "hour"):
        await room.pool.execute(
            "INSERT INTO rollup_sealed (level, series_id, bucket, count, sum, min, max,"
            " first_value, first_at, last_value, last_at, sum_squares, sum_positive, sum_negative)"
            " SELECT $1, $2, $3, 0, 0, 0, 0, 0, 'infinity', 0, '-infinity', 0, 0, 0",
            level,
            series_id,
            day(-6),
        )
    await room.note_late(day(-6))

    await room.run()

    assert [] == await room.left("reading", "pump")
    seals = await room.pool.fetch("SELECT level FROM rollup_sealed")
    # Of the hour, the minutes are there still.
    assert ["hour"] == [row["level"] for row in seals]
    assert 0 == await room.pool.fetchval("SELECT count(*) FROM reading_arrival")


async def test_late_rows_of_every_level_go_once_the_rollups_have_them(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages(AGES)
    await room.run()
    await room.put("pump", day(-60))
    for level in ("minute", "hour", "day"):
        await room.put_bucket(level, "pump", day(-60))
    await room.note_late(day(-60), offset=101)

    waiting = await room.run()

    assert "late readings" in waiting.waits[0].reason
    assert [day(-60)] == await room.left("reading", "pump")
    assert [day(-60)] == await room.left("rollup_day", "pump")

    await room.note_offsets(written=120, rolled=110)
    await room.run()

    for table in ("reading", "rollup_minute", "rollup_hour", "rollup_day"):
        assert [] == await room.left(table, "pump")
    assert 0 == await room.pool.fetchval("SELECT count(*) FROM reading_arrival")
