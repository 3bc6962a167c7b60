"""Readings, dead letters and checkpoints in one transaction of a real PostgreSQL."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import pytest

from weir.clock import from_us
from weir.codec.measurement import FieldColumn, MeasurementBatch
from weir.errors import ConflictError, RejectedByStoreError, StoreUnavailableError
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.pool import open_pool
from weir.postgres.readings import PostgresReadingStore
from weir.postgres.series_ids import SeriesIds

pytestmark = pytest.mark.postgres

NOW_US = 1_790_000_000_000_000


def batch(
    values: dict[int, float] | None = None,
    texts: dict[int, str] | None = None,
    *,
    serial: str = "pump-1",
    field: str = "pressure",
    is_correction: bool = False,
) -> MeasurementBatch:
    """Give a batch of readings by seconds after `NOW_US`."""
    instants = [NOW_US + second * 1_000_000 for second in (values or texts or {})]
    column = FieldColumn(
        field, "bar", 0, instants, list((values or {}).values()), list((texts or {}).values())
    )
    return MeasurementBatch(serial, NOW_US, 1, 1, 0, is_correction, [column], len(instants))


def letter(offset: int, body: bytes = b"\x00garbage") -> DeadLetter:
    return DeadLetter(
        "measurements",
        "undecodable",
        "not a Batch\0",
        "stream.0",
        "sensor.x.measurements",
        body,
        datetime(2026, 1, 2, tzinfo=UTC),
        source_offset=offset,
        headers={"a": b"\0"},
    )


class Writer:
    """Appends batches one after another, as the only writer of one stream."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.store = PostgresReadingStore(pool)
        self.offset = 0

    async def append(
        self, *batches: MeasurementBatch, letters: Sequence[DeadLetter] = ()
    ) -> AppendReport:
        start = Checkpoint("measurements", "stream.0", self.offset)
        report = await self.store.append(start, self.offset + 1, batches, letters)
        self.offset += 1
        return report


@pytest.fixture
def writer(pool: asyncpg.Pool) -> Writer:
    return Writer(pool)


async def stored(pool: asyncpg.Pool) -> dict[int, float]:
    rows = await pool.fetch("SELECT observed_at, value FROM reading ORDER BY observed_at")
    return {round(row["observed_at"].timestamp() - NOW_US / 1e6): row["value"] for row in rows}


async def test_readings_are_stored_with_their_checkpoint_and_device(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    report = await writer.append(batch({0: 1.25, 1: 2.5}), batch({0: 7.0}, serial="pump-2"))

    assert AppendReport(stored_count=3) == report
    assert 1 == await PostgresCheckpointStore(pool).next_offset("measurements", "stream.0")
    rows = await pool.fetch(
        "SELECT serial, field, unit, observed_at, value FROM reading JOIN series USING (series_id)"
        " JOIN device USING (device_id) ORDER BY serial, observed_at"
    )
    assert [
        ("pump-1", "pressure", "bar", from_us(NOW_US), 1.25),
        ("pump-1", "pressure", "bar", from_us(NOW_US + 1_000_000), 2.5),
        ("pump-2", "pressure", "bar", from_us(NOW_US), 7.0),
    ] == [tuple(row) for row in rows]
    sites = await pool.fetch("SELECT DISTINCT slug FROM device JOIN site USING (site_id)")
    assert ["unassigned"] == [row["slug"] for row in sites]
    journal = await pool.fetch(
        "SELECT type, entity_id FROM journal WHERE entity = 'device' ORDER BY position"
    )
    assert [("device_enrolled", "pump-1"), ("device_enrolled", "pump-2")] == [
        tuple(row) for row in journal
    ]
    assert 2 == await pool.fetchval("SELECT count(*) FROM device_activity")


async def test_the_first_value_stays_and_repeats_and_conflicts_are_counted(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    await writer.append(batch({0: 1.0, 1: 2.0}))

    report = await writer.append(batch({0: 1.0, 1: 9.0, 2: 3.0}))

    assert AppendReport(1, repeated_count=1, conflicting_count=1) == report
    assert {0: 1.0, 1: 2.0, 2: 3.0} == await stored(pool)


async def test_after_repeats_new_readings_are_stored_all_the_same(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    await writer.append(batch({0: 1.0}))
    await writer.append(batch({0: 1.0}))
    for second in range(1, 4):
        assert AppendReport(stored_count=1) == await writer.append(batch({second: 1.0}))

    assert 4 == len(await stored(pool))


async def test_a_correction_overwrites_and_a_later_append_does_not(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    await writer.append(batch({0: 1.0, 1: 1.0}))

    await writer.append(batch({0: 5.0, 3: 6.0}, is_correction=True), batch({0: 7.0}))
    await writer.append(batch({0: 8.0}))

    assert {0: 5.0, 1: 1.0, 3: 6.0} == await stored(pool)
    event = await pool.fetchrow("SELECT * FROM journal ORDER BY position DESC LIMIT 1")
    assert event is not None
    assert ("readings_corrected", "pump-1", 2) == (
        event["type"],
        event["entity_id"],
        event["entity_version"],
    )
    [field] = json.loads(event["data"])["fields"]
    assert ("pressure", 2) == (field["name"], field["count"])


async def test_texts_are_stored_beside_the_numbers(pool: asyncpg.Pool, writer: Writer) -> None:
    report = await writer.append(
        batch(texts={0: "open", 1: "closed"}, field="door"),
        batch(texts={1: "closed", 2: "öffen"}, field="door"),
    )
    again = await writer.append(batch(texts={0: "ajar", 1: "closed"}, field="door"))

    assert AppendReport(3, repeated_count=1) == report
    assert AppendReport(0, repeated_count=1, conflicting_count=1) == again
    rows = await pool.fetch("SELECT value FROM text_reading ORDER BY observed_at")
    assert ["open", "closed", "öffen"] == [row["value"] for row in rows]


async def test_a_second_writer_of_the_same_stream_cannot_commit(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    late = Writer(pool)
    await writer.append(batch({0: 1.0}))

    with pytest.raises(ConflictError):
        await late.append(batch({1: 1.0}))

    assert {0: 1.0} == await stored(pool)


async def test_dead_letters_commit_with_the_readings_and_are_kept_once(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    await writer.append(batch({0: 1.0}), letters=[letter(4), letter(5)])
    await writer.append(letters=[letter(4)])

    rows = await pool.fetch("SELECT * FROM dead_letter ORDER BY source_offset")
    assert [4, 5] == [row["source_offset"] for row in rows]
    assert (b"\x00garbage", "undecodable", "kept") == (
        rows[0]["body"],
        rows[0]["reason"],
        rows[0]["state"],
    )


async def test_what_the_database_refuses_is_the_messages_fault_and_stores_nothing(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    with pytest.raises(RejectedByStoreError):
        await writer.append(batch({0: 1.0}), batch(texts={0: "a\0b"}, field="door"))

    assert {} == await stored(pool)
    assert 0 == await PostgresCheckpointStore(pool).next_offset("measurements", "stream.0")


async def test_a_cache_that_forgets_everything_stores_everything(pool: asyncpg.Pool) -> None:
    store = PostgresReadingStore(pool)
    store._series_ids = SeriesIds(pool, cached_max=1)
    for offset in range(3):
        batches = [batch({offset: 1.0}, serial=f"dev-{n}") for n in range(5)]
        await store.append(Checkpoint("m", "s", offset), offset + 1, batches, [])

    assert 15 == await pool.fetchval("SELECT count(*) FROM reading")
    assert 5 == await pool.fetchval("SELECT count(*) FROM series")


async def test_readings_of_any_year_that_is_allowed_have_a_place(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    year_2000 = -(NOW_US // 1_000_000) + 946_684_800

    await writer.append(batch({year_2000: 1.0, 0: 2.0}))

    assert {year_2000: 1.0, 0: 2.0} == await stored(pool)


async def test_a_database_that_is_away_is_worth_a_retry() -> None:
    async with open_pool("postgresql://nobody@127.0.0.1:1/nowhere") as pool:
        with pytest.raises(StoreUnavailableError):
            await Writer(pool).append(batch({0: 1.0}))


async def test_repeats_in_two_partitions_at_once_are_repeats_in_both(pool: asyncpg.Pool) -> None:
    """One worker may write several partitions, over one store."""
    streams = [f"stream.{number}" for number in range(4)]
    for offset in range(0, 20, 2):
        store = PostgresReadingStore(pool)
        for step in (0, 1):
            reports = await asyncio.gather(
                *(
                    store.append(
                        Checkpoint("measurements", stream, offset + step),
                        offset + step + 1,
                        [batch({offset: 1.0}, serial=f"pump-{number}")],
                        [],
                    )
                    for number, stream in enumerate(streams)
                )
            )
            expected = AppendReport(stored_count=1 - step, repeated_count=step)
            assert [expected] * len(streams) == reports
