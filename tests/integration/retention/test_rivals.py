"""Runs of retention beside writers, readers and other runs, and runs that are killed."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.integration.retention.store_room import NOW, STREAM, StoreRoom, day, partitions_of
from weir.errors import StoreUnavailableError
from weir.model.retention import Layer, Scope
from weir.ports import RetentionReport, Wait
from weir.postgres.pool import Connection, open_pool
from weir.postgres.retention import drops
from weir.postgres.retention.partitions import open_partitions
from weir.postgres.retention.runs import PostgresRetentionStore
from weir.testing.conditions import eventually

pytestmark = pytest.mark.postgres

_WAITING = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0
    """


@pytest.fixture
async def rival(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """Give a connection of somebody else, in a transaction."""
    async with pool.acquire() as connection:
        await connection.execute("BEGIN")
        yield connection
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")


@pytest.fixture
async def pump(room: StoreRoom) -> StoreRoom:
    """Have one series with readings, of which two days have expired."""
    await room.add_series("pump")
    await room.set_ages({Layer.RAW: 3})
    await room.put("pump", day(-5), day(-4), day(-2))
    return room


async def find_waiting(pool: asyncpg.Pool, count: int = 1) -> list[int]:
    """Give the processes that wait for a lock; none when fewer than `count` do."""
    pids = [row["pid"] for row in await pool.fetch(_WAITING)]
    return pids if len(pids) >= count else []


async def test_readings_that_arrive_while_a_run_looks_are_rolled_up_first(
    pump: StoreRoom, rival: Connection
) -> None:
    await rival.execute("INSERT INTO reading VALUES ($1, $2, 7)", pump.series["pump"], day(-4, 9))
    running = asyncio.create_task(pump.run())
    await eventually(lambda: find_waiting(pump.pool))

    await rival.execute("INSERT INTO reading_arrival VALUES ($1, $2, 101)", day(-4).date(), STREAM)
    await rival.execute("UPDATE stream_offset SET next_offset = 101 WHERE consumer <> 'aggregates'")
    await rival.execute("COMMIT")
    report = await running

    assert [day(-4), day(-4, 9), day(-2)] == await pump.left("reading", "pump")
    assert "late readings" in report.waits[0].reason
    await pump.note_offsets(written=101, rolled=101)
    await pump.run()
    assert [day(-2)] == await pump.left("reading", "pump")


async def test_rows_that_arrive_while_others_are_deleted_stay(
    pump: StoreRoom, rival: Connection
) -> None:
    await pump.add_series("shaker", series_class="vibration")
    await pump.set_ages({Layer.RAW: 1}, Scope(series_class="vibration"))
    await pump.set_ages({Layer.RAW: 20})
    await pump.put("pump", day(-3), day(-1, 3))
    await pump.run()
    await pump.put("shaker", day(-1, 1))
    await rival.execute("INSERT INTO reading VALUES ($1, $2, 7)", pump.series["shaker"], day(-1, 9))

    await pump.note_offsets(written=100, rolled=100, until=day(2))
    await pump.run(day(1))
    await rival.execute("COMMIT")

    assert [day(-1, 9)] == await pump.left("reading", "shaker")
    assert day(0) == await pump.kept_from("shaker")


@pytest.fixture
async def held_up(
    pump: StoreRoom, rival: Connection, monkeypatch: pytest.MonkeyPatch
) -> "asyncio.Task[RetentionReport]":
    """Have a run that has noted what it drops and locked the table, and waits for a partition."""
    monkeypatch.setattr(drops, "LOCK_TIMEOUT", "SET LOCAL lock_timeout = '60s'")
    await pump.run(day(-1))
    oldest = (await (await open_partitions(pump.pool)).find(pump.pool, "reading"))[0]
    assert day(-4) == oldest.since
    await rival.execute(f"LOCK TABLE {oldest.name} IN ACCESS SHARE MODE")
    running = asyncio.create_task(pump.run())
    await eventually(lambda: find_waiting(pump.pool))
    return running


async def test_a_writer_that_comes_while_a_partition_goes_is_stored_all_the_same(
    pump: StoreRoom, rival: Connection, held_up: "asyncio.Task[RetentionReport]"
) -> None:
    writing = asyncio.create_task(pump.put("pump", day(-4, 17)))
    await eventually(lambda: find_waiting(pump.pool, 2))

    await rival.execute("COMMIT")
    report = await held_up
    await writing

    assert [day(-3)] == [each.until for each in partitions_of(report)]
    assert [day(-4, 17), day(-2)] == await pump.left("reading", "pump")
    assert day(-3) == await pump.kept_from("pump")


async def test_a_run_that_is_killed_leaves_everything_as_it_was(
    pump: StoreRoom, rival: Connection, held_up: "asyncio.Task[RetentionReport]"
) -> None:
    [process] = await find_waiting(pump.pool)
    await pump.pool.execute("SELECT pg_terminate_backend($1)", process)

    with pytest.raises(StoreUnavailableError):
        await held_up
    assert [day(-4), day(-2)] == await pump.left("reading", "pump")
    assert day(-4) == await pump.kept_from("pump")

    await rival.execute("COMMIT")
    assert 1 == len(partitions_of(await pump.run()))
    assert [day(-2)] == await pump.left("reading", "pump")


async def test_a_partition_that_somebody_reads_is_left_for_the_next_run(
    pump: StoreRoom, rival: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drops, "LOCK_TIMEOUT", "SET LOCAL lock_timeout = '100ms'")
    await rival.execute("SELECT FROM reading")

    report = await pump.run()

    assert [Wait(Layer.RAW, "somebody was using it all the time")] == report.waits
    assert [day(-5), day(-4), day(-2)] == await pump.left("reading", "pump")
    await rival.execute("COMMIT")
    assert [] == (await pump.run()).waits
    assert [day(-2)] == await pump.left("reading", "pump")


async def test_two_runs_do_not_meet(pump: StoreRoom, rival: Connection) -> None:
    await rival.execute("SELECT pg_advisory_xact_lock(hashtextextended('weir.retention', 0))")

    report = await pump.run()

    assert ["another run is under way"] == [wait.reason for wait in report.waits]
    assert not report.is_finished
    assert [day(-5), day(-4), day(-2)] == await pump.left("reading", "pump")


async def test_a_run_ends_when_its_time_is_over_and_the_next_goes_on(pump: StoreRoom) -> None:
    report = await PostgresRetentionStore(pump.pool, budget_s=0).run(NOW)

    assert ([], False) == (report.expired, report.is_finished)
    assert (await pump.run()).is_finished


async def test_a_database_that_is_away_ends_a_run() -> None:
    async with open_pool("postgresql://nobody@127.0.0.1:1/nowhere") as pool:
        with pytest.raises(StoreUnavailableError):
            await PostgresRetentionStore(pool).run(NOW)
