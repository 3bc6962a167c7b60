"""Log lines in the database: each once, for some days, and no more of one device than is agreed."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from weir.clock import to_us
from weir.errors import DeviceDisabledError, RefusedItemsError, StoreUnavailableError
from weir.model.device_log import Level, LogBatch, LogEntry
from weir.model.log_limit import LogPolicy
from weir.ports import Checkpoint, LogReport
from weir.postgres.device_logs import PostgresDeviceLogStore
from weir.testing.memory import MemoryDeviceLogSink

pytestmark = pytest.mark.postgres

NOW = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - the database's clock is the real one
NOW_US = to_us(NOW)
DAY = timedelta(days=1)


def line(message: str, at: datetime | None = NOW, level: Level = Level.INFO) -> LogEntry:
    return LogEntry(to_us(at) if at else 0, level, message, {"n": "1"})


class Writer:
    """Stores batches one commit after another."""

    def __init__(self, pool: asyncpg.Pool, policy: LogPolicy | None = None) -> None:
        self.pool = pool
        self.sink = MemoryDeviceLogSink()
        self.store = PostgresDeviceLogStore(pool, policy or LogPolicy(), sink=self.sink)
        self.offset = 0

    async def write(
        self, *entries: LogEntry, serial: str = "pump-1", boot_id: int = 7
    ) -> LogReport:
        batch = LogBatch(serial, self.offset, NOW_US + self.offset, boot_id, entries)
        return await self.append([batch])

    async def append(self, batches: Sequence[LogBatch]) -> LogReport:
        start = Checkpoint("logs", "sensor.all.logs", self.offset)
        count = max(1, len(batches))
        report = await self.store.append(start, self.offset + count, batches, [])
        self.offset += count
        return report

    async def idle(self) -> None:
        start = Checkpoint("logs", "sensor.all.logs", self.offset)
        await self.store.append(start, self.offset, [], [])

    async def messages(self) -> list[str]:
        rows = await self.pool.fetch("SELECT message FROM device_log ORDER BY position")
        return [row["message"] for row in rows]


@pytest.fixture
def writer(pool: asyncpg.Pool) -> Writer:
    return Writer(pool)


async def test_lines_are_stored_in_the_order_of_their_arrival(writer: Writer) -> None:
    assert LogReport(stored_count=2) == await writer.write(line("b"), line("a", NOW - DAY))
    await writer.write(line("c", serial_time := NOW - DAY), serial="pump-2")
    assert ["b", "a", "c"] == await writer.messages()
    placed = await writer.pool.fetchval("SELECT placed_at FROM device_log WHERE message = 'c'")
    assert serial_time == placed


async def test_a_line_that_is_published_again_is_stored_once(writer: Writer) -> None:
    twice = (line("again"), line("again"), line("once"))
    assert LogReport(stored_count=3) == await writer.write(*twice)
    assert LogReport(repeated_count=3) == await writer.write(*twice)
    assert LogReport(stored_count=3) == await writer.write(*twice, boot_id=8)
    assert LogReport(stored_count=1) == await writer.write(line("again", level=Level.ERROR))


@pytest.mark.parametrize(
    "at", [None, NOW - 20 * DAY, NOW + 2 * DAY, datetime(1980, 1, 6, tzinfo=UTC)]
)
async def test_a_time_that_cannot_be_is_replaced_by_that_of_the_arrival(
    writer: Writer, at: datetime | None
) -> None:
    await writer.write(line("lost"))
    await writer.write(line("lost", at), line("lost", at))
    rows = await writer.pool.fetch("SELECT * FROM device_log WHERE received_at > $1", NOW)
    assert [(NOW + timedelta(microseconds=1), at)] * 2 == [
        (row["placed_at"], row["logged_at"]) for row in rows
    ]


async def test_days_that_are_over_are_dropped_as_a_whole(pool: asyncpg.Pool) -> None:
    writer = Writer(pool, LogPolicy(days=3))
    await writer.write(*(line(f"day {age}", NOW - age * DAY) for age in range(4)))
    assert 4 == len(await writer.messages())
    assert 0 == await writer.store.expire(NOW)
    assert 2 == await writer.store.expire(NOW + 2 * DAY)
    assert ["day 0", "day 1"] == await writer.messages()


async def test_a_line_from_a_day_that_was_dropped_is_counted_and_not_stored(
    pool: asyncpg.Pool,
) -> None:
    writer = Writer(pool, LogPolicy(days=3))
    old = LogBatch("pump-1", 0, to_us(NOW - 5 * DAY), 7, [line("old", NOW - 5 * DAY)])
    assert LogReport(expired_count=1) == await writer.append([old])
    assert [] == await writer.messages()


async def test_whoever_reads_the_logs_delays_their_expiry_and_nothing_else(
    writer: Writer,
) -> None:
    await writer.write(line("old", NOW - 13 * DAY))
    async with writer.pool.acquire() as reader, reader.transaction():
        await reader.fetch("SELECT * FROM device_log")
        with pytest.raises(StoreUnavailableError):
            await writer.store.expire(NOW + 10 * DAY)
        await writer.write(line("new"))
    assert 1 == await writer.store.expire(NOW + 10 * DAY)
    assert ["new"] == await writer.messages()


async def test_a_flood_is_dropped_counted_and_told_in_a_line(pool: asyncpg.Pool) -> None:
    writer = Writer(pool, LogPolicy(lines_per_s=0.002, flood_told_after_s=0))
    report = await writer.write(*(line(f"{number}") for number in range(10)))
    assert LogReport(stored_count=2, flooded_count=8) == report
    await writer.write(line("calm"), serial="pump-2")
    # At once it is the same transaction: the database's clock stands still in it.
    await writer.idle()
    row = await pool.fetchrow("SELECT * FROM device_log WHERE message LIKE 'log_flood%'")
    assert row is not None
    assert row["message"].startswith("log_flood: 8 log lines of this device were dropped, from ")
    assert 3 == row["level"]
    assert "8" == json.loads(row["attributes"])["dropped_count"]
    assert {"0", "1", "calm", row["message"]} == set(await writer.messages())
    sunk = [entry.message for batch in writer.sink.batches for entry in batch.entries]
    assert sorted(await writer.messages()) == sorted(sunk)


async def test_a_flood_that_a_dead_process_has_counted_is_told_by_the_next(
    pool: asyncpg.Pool,
) -> None:
    first = Writer(pool, LogPolicy(lines_per_s=0.001))
    await first.write(*(line(f"{number}") for number in range(5)))
    await first.write(*(line(f"{number}") for number in range(5, 8)))
    second = Writer(pool, LogPolicy(flood_told_after_s=0))
    second.offset = first.offset
    await second.idle()
    assert ["0", "log_flood: 7 log lines of this device"] == [
        message[:37] for message in await second.messages()
    ]


async def test_a_commit_that_is_tried_again_writes_the_files_once(pool: asyncpg.Pool) -> None:
    writer = Writer(pool)
    await writer.write(line("before"))
    writer.sink = MemoryDeviceLogSink([StoreUnavailableError("disk full")])
    writer.store._sink = writer.sink
    with pytest.raises(StoreUnavailableError, match="disk full"):
        await writer.write(line("after"))
    assert ["before"] == await writer.messages()
    await writer.write(line("after"))
    assert ["before", "after"] == await writer.messages()
    assert [["after"]] == [
        [each.message for each in batch.entries] for batch in writer.sink.batches
    ]


async def test_lines_of_a_disabled_device_are_held_back(writer: Writer) -> None:
    await writer.write(line("before"))
    await writer.pool.execute("UPDATE device SET state = 'disabled'")
    await writer.pool.execute("UPDATE admission SET epoch = epoch + 1")
    store = PostgresDeviceLogStore(writer.pool, LogPolicy())
    batch = LogBatch("pump-1", 1, NOW_US, 7, [line("after")])
    with pytest.raises(RefusedItemsError) as refused:
        await store.append(Checkpoint("logs", "sensor.all.logs", 1), 2, [batch], [])
    assert isinstance(refused.value.errors[0], DeviceDisabledError)
