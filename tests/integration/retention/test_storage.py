"""What `storage show` tells: sizes, spans, and exactly what the next run then does."""

import asyncpg
import pytest

from tests.integration.retention.store_room import NOW, STREAM, StoreRoom, day
from weir.model.retention import Layer, Scope
from weir.ports import Expired
from weir.postgres.queries.storage import describe_storage
from weir.postgres.retention.plan import plan_run

pytestmark = pytest.mark.postgres

VIBRATION = Scope(series_class="vibration")


async def test_an_empty_database_is_described(pool: asyncpg.Pool) -> None:
    storage = await describe_storage(pool)

    assert 8 == len(storage.tables)
    assert {(None, None)} == {(table.oldest, table.newest) for table in storage.tables}
    assert {0} == {table.row_count for table in storage.tables}


async def test_the_mode_says_whether_readings_are_compressed(pool: asyncpg.Pool) -> None:
    storage = await describe_storage(pool)

    if storage.mode == "plain":
        assert storage.timescaledb_version is storage.timescaledb_licence is None
        assert not storage.is_compressing
    else:
        assert storage.timescaledb_version is not None
        assert storage.is_compressing == (storage.timescaledb_licence == "timescale")


async def test_sizes_and_spans_are_those_of_what_is_stored(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.put("pump", day(-400, 3), day(-5), day(-1, 7))
    await room.put_bucket("hour", "pump", day(-3, 2), day(-2, 9))
    await room.pool.execute(
        "INSERT INTO location SELECT device_id, $1, 1, 1, 1, 1, 1, '3d' FROM device", day(-9)
    )

    tables = {table.table: table for table in (await describe_storage(room.pool)).tables}

    assert (day(-400, 3), day(-1, 7)) == (tables["reading"].oldest, tables["reading"].newest)
    assert (day(-3, 2), day(-2, 9)) == (tables["rollup_hour"].oldest, tables["rollup_hour"].newest)
    assert day(-9) == tables["location"].newest
    assert tables["reading"].partition_count >= 3
    assert all(table.byte_count > 0 for table in tables.values())
    assert tables["reading"].row_count >= 3


async def plan_then_run(room: StoreRoom) -> tuple[list[Expired], list[Expired]]:
    planned = [
        Expired(
            each.layer,
            each.table,
            each.until,
            each.partition,
            None if each.partition else each.row_count,
            each.byte_count,
        )
        for each in await plan_run(room.pool, NOW)
        if each.waits_for is None
    ]
    report = await room.run()
    return planned, list(report.expired)


def named(expired: list[Expired]) -> set[tuple[str, str | None, int | None]]:
    return {(each.table, each.partition, each.row_count) for each in expired}


async def test_what_is_planned_is_what_the_run_then_does(room: StoreRoom) -> None:
    await room.add_series("shaker", series_class="vibration")
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3, Layer.MINUTE: 40, Layer.EVENT: 10, Layer.LOCATION: 5})
    await room.set_ages({Layer.RAW: 1, Layer.HOUR: 50}, VIBRATION)
    for name in ("shaker", "pump"):
        await room.put(name, day(-300), day(-4), day(-2, 6), day(-2, 7), day(0))
        await room.put_text(name, day(-300), day(-2), day(0))
        await room.put_bucket("minute", name, day(-100), day(-41), day(-39))
        await room.put_bucket("hour", name, day(-100), day(-50), day(-49))
        await room.put_bucket("day", name, day(-900))
    await room.pool.execute(
        "INSERT INTO device_event SELECT device_id, at, 'outage', '0123456789abcdef', '{}'"
        " FROM device, unnest($1::timestamptz[]) AS at",
        [day(-20), day(-9)],
    )
    await room.pool.execute(
        "INSERT INTO location SELECT device_id, at, 1, 1, 1, 1, 1, '3d'"
        " FROM device, unnest($1::timestamptz[]) AS at",
        [day(-20), day(-9), day(-1)],
    )

    planned, done = await plan_then_run(room)

    assert named(planned) == named(done)
    rows = {each.table: each.row_count for each in done if each.partition is None}
    assert (2, 4) == (rows["device_event"], rows["location"])
    assert 1 == rows["rollup_hour"]
    assert [] == await plan_run(room.pool, NOW)


async def test_late_rows_of_a_time_that_was_dropped_are_planned(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    await room.run()
    await room.put("pump", day(-9), day(-8))
    await room.pool.executemany(
        "INSERT INTO reading_arrival VALUES ($1, $2, 50)",
        [(day(number).date(), STREAM) for number in (-9, -8)],
    )

    planned, done = await plan_then_run(room)

    assert named(planned) == named(done)
    assert ("reading", None, 2) in named(done)


async def test_what_waits_is_planned_with_the_reason_and_then_waits(room: StoreRoom) -> None:
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3, Layer.MINUTE: 3})
    await room.put("pump", day(-5))
    await room.put_bucket("minute", "pump", day(-5))
    await room.note_offsets(written=10, rolled=5, until=day(-9))

    planned = await plan_run(room.pool, NOW)

    assert {"the consumer aggregates has readings"} == {
        (each.waits_for or "")[:36] for each in planned
    }
    assert [] == (await room.run()).expired
