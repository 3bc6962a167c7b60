"""Raw readings: what goes, what stays, and what is waited for."""

from datetime import timedelta

import pytest

from tests.integration.retention.store_room import (
    NOW,
    STREAM,
    StoreRoom,
    day,
    partitions_of,
    rows_of,
)
from weir.model.retention import Layer, Scope

pytestmark = pytest.mark.postgres

VIBRATION = Scope(series_class="vibration")
MICROSECOND = timedelta(microseconds=1)


async def test_whole_days_before_the_bound_go_and_the_rest_stays_to_the_microsecond(
    room: StoreRoom,
) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    gone = [day(-5), day(-5, 12), day(-3) - MICROSECOND]
    stays = [day(-3), day(-2), NOW]
    await room.put("pump", *gone, *stays)

    report = await room.run()

    assert stays == await room.left("reading", "pump")
    assert day(-3) == await room.kept_from("pump")
    assert ([], True) == (report.waits, report.is_finished)
    dropped = partitions_of(report)
    assert day(-3) == dropped[-1].until
    assert {} == rows_of(report)
    assert all(each.byte_count for each in dropped)


async def test_a_second_run_does_nothing_until_the_next_midnight(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    await room.put("pump", day(-4), day(-3, 5), day(-2))
    await room.run()

    assert [] == (await room.run()).expired
    assert [] == (await room.run(day(1) - MICROSECOND)).expired
    await room.note_offsets(written=100, rolled=100, until=day(1))
    assert 1 == len(partitions_of(await room.run(day(1))))

    assert [day(-2)] == await room.left("reading", "pump")


async def test_rollups_stay_when_the_readings_below_them_go(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    await room.put("pump", day(-5))
    for level in ("minute", "hour", "day"):
        await room.put_bucket(level, "pump", day(-5))

    await room.run()

    assert [] == await room.left("reading", "pump")
    for level in ("minute", "hour", "day"):
        assert [day(-5)] == await room.left(f"rollup_{level}", "pump")
    assert day(-180) == await room.kept_from("pump", "minute")


async def test_readings_without_a_partition_are_stored_and_go_in_time(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    old = [day(-700), day(-700, 3), day(-400)]
    await room.put("pump", *old, day(-1))
    assert [*old, day(-1)] == await room.left("reading", "pump")

    report = await room.run()

    assert [day(-1)] == await room.left("reading", "pump")
    assert [] == report.waits


async def test_a_class_that_keeps_less_loses_rows_and_the_partition_stays(room: StoreRoom) -> None:
    await room.add_series("shaker", series_class="vibration")
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 2}, VIBRATION)
    for name in ("shaker", "pump"):
        await room.put(name, day(-4), day(-3), day(-2))

    report = await room.run()

    assert [day(-2)] == await room.left("reading", "shaker")
    assert [day(-4), day(-3), day(-2)] == await room.left("reading", "pump")
    assert (day(-2), day(-30)) == (await room.kept_from("shaker"), await room.kept_from("pump"))
    assert {"reading": 2} == rows_of(report)
    assert not {day(-3), day(-2)} & {each.until for each in partitions_of(report)}


async def test_a_site_that_keeps_for_ever_keeps_its_own_and_no_more(room: StoreRoom) -> None:
    await room.add_series("meter", site="museum")
    await room.add_series("pump")
    await room.set_ages(dict.fromkeys([Layer.RAW, Layer.MINUTE]), Scope(site="museum"))
    await room.put("meter", day(-60), day(-5))
    await room.put("pump", day(-60), day(-5))

    await room.run()

    assert [day(-60), day(-5)] == await room.left("reading", "meter")
    assert [day(-5)] == await room.left("reading", "pump")


async def test_a_partition_goes_whole_once_nobody_who_keeps_it_has_rows_in_it(
    room: StoreRoom,
) -> None:
    await room.add_series("meter", site="museum")
    await room.add_series("pump")
    await room.set_ages(dict.fromkeys([Layer.RAW, Layer.MINUTE]), Scope(site="museum"))
    await room.set_ages({Layer.RAW: 2})
    await room.put("meter", day(-4))
    await room.put("pump", day(-5), day(-4), day(-3))

    report = await room.run()

    dropped = {each.until for each in partitions_of(report)}
    assert {day(-4), day(-2)} <= dropped
    assert day(-3) not in dropped
    assert [day(-4)] == await room.left("reading", "meter")
    assert day(-2) == await room.kept_from("pump")
    assert await room.kept_from("meter") is None


async def test_texts_go_with_the_readings(room: StoreRoom) -> None:
    await room.add_series("door")
    await room.add_series("gate", series_class="vibration")
    await room.set_ages({Layer.RAW: 3})
    await room.set_ages({Layer.RAW: 1}, VIBRATION)
    for name in ("door", "gate"):
        await room.put_text(name, day(-500), day(-3) - MICROSECOND, day(-3), day(-1))

    report = await room.run()

    assert [day(-3), day(-1)] == await room.left("text_reading", "door")
    assert [day(-1)] == await room.left("text_reading", "gate")
    assert 5 == rows_of(report)["text_reading"]


async def test_many_rows_go_in_many_transactions(
    room: StoreRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("weir.postgres.retention.rows.ROW_COUNT", 6)
    monkeypatch.setattr("weir.postgres.retention.rows.SERIES_COUNT", 2)
    monkeypatch.setattr("weir.postgres.retention.unrolled.ROW_COUNT", 3)
    names = [f"shaker-{number}" for number in range(5)]
    await room.add_series("pump")
    await room.put("pump", day(-3, 1))
    await room.set_ages({Layer.RAW: 9})
    for name in names:
        await room.add_series(name, series_class="vibration")
        await room.put(name, *(day(-3) + timedelta(seconds=25 * n) for n in range(20)), day(0))
        await room.put_text(name, *(day(-3) + timedelta(seconds=25 * n) for n in range(20)))
    await room.set_ages({Layer.RAW: 2}, VIBRATION)

    report = await room.run()

    assert {"reading": 100, "text_reading": 100} == rows_of(report)
    for name in names:
        assert [day(0)] == await room.left("reading", name)
        assert day(-2) == await room.kept_from(name)


@pytest.mark.parametrize(
    ("offsets", "reason"),
    [
        ((100, None), "aggregates has not begun to read stream.0"),
        ((100, 99), "has readings of stream.0 before it"),
        ((0, None), "no reading has come through a stream"),
    ],
)
@pytest.mark.parametrize("series_class", ["", "vibration"])
async def test_nothing_goes_that_the_rollups_do_not_have(
    room: StoreRoom, offsets: tuple[int, int | None], reason: str, series_class: str
) -> None:
    await room.add_series("pump", series_class=series_class)
    await room.add_series("other")
    await room.set_ages({Layer.RAW: 3}, Scope(series_class=series_class or None))
    await room.put("pump", day(-5))
    await room.note_offsets(written=offsets[0], rolled=offsets[1], until=day(-9))

    report = await room.run()

    assert [day(-5)] == await room.left("reading", "pump")
    assert await room.kept_from("pump") is None
    [wait] = report.waits
    assert wait.layer is Layer.RAW
    assert reason in wait.reason


async def test_a_stream_that_is_being_read_holds_up_new_days_only(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    await room.put("pump", day(-5), day(-4))
    # As far as two days and an hour after the older of them began, but not after the other.
    await room.note_offsets(written=100, rolled=40, until=day(-3, 1))

    report = await room.run()

    assert [day(-4)] == await room.left("reading", "pump")
    assert 1 == len(report.waits)


async def test_late_readings_hold_up_their_day_until_the_rollups_have_them(
    room: StoreRoom,
) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    await room.put("pump", day(-6), day(-5), day(-4))
    await room.note_offsets(written=100, rolled=90)
    await room.pool.execute(
        "INSERT INTO reading_arrival VALUES ($1, $2, 95)", day(-5).date(), STREAM
    )

    report = await room.run()

    assert [day(-5), day(-4)] == await room.left("reading", "pump")
    assert "late readings of stream.0" in report.waits[0].reason

    await room.note_offsets(written=100, rolled=95)
    await room.run()

    assert [] == await room.left("reading", "pump")


async def test_a_stream_that_is_read_to_its_end_waits_for_nothing(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    await room.put("pump", day(-5))
    await room.note_offsets(written=7, rolled=7, until=day(-300))
    # Noted before the stream was made anew, with offsets from 0.
    await room.pool.execute(
        "INSERT INTO reading_arrival VALUES ($1, $2, 9000)", day(-5).date(), STREAM
    )

    assert [] == (await room.run()).waits

    assert [] == await room.left("reading", "pump")
