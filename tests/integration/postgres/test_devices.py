"""Enrolment and announcements, with their journal, on a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from weir.model.announcement import Announcement, FieldDescription, Kind
from weir.postgres.devices import PostgresDeviceStore, resolve_series

pytestmark = pytest.mark.postgres

AT = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
PUMP = Announcement(
    serial="pump-1",
    model="P-100",
    firmware="1.0",
    fields=(
        FieldDescription("pressure", "bar", "at the outlet"),
        FieldDescription("energy", "kW.h", "", Kind.TOTAL_INCREASING),
    ),
    sample_rate_hz=10.0,
    boot_id=7,
)


async def journal(pool: asyncpg.Pool) -> list[tuple[str, int]]:
    rows = await pool.fetch(
        "SELECT type, entity_version FROM journal WHERE entity = 'device' ORDER BY position"
    )
    return [(row["type"], row["entity_version"]) for row in rows]


async def test_an_announcement_enrols_and_describes_a_device(pool: asyncpg.Pool) -> None:
    assert await PostgresDeviceStore(pool).announce(PUMP, AT)

    row = await pool.fetchrow("SELECT * FROM device")
    assert row is not None
    assert ("P-100", "1.0", 10.0, 7, 3, AT) == (
        row["model"],
        row["firmware"],
        row["sample_rate_hz"],
        row["boot_id"],
        row["entity_version"],
        row["announced_at"],
    )
    kinds = await pool.fetch("SELECT field, unit, kind FROM series ORDER BY field")
    assert [("energy", "kW.h", "total_increasing"), ("pressure", "bar", "gauge")] == [
        tuple(kind) for kind in kinds
    ]
    assert [("device_enrolled", 1), ("device_described", 2), ("device_started", 3)] == (
        await journal(pool)
    )


async def test_repeating_an_announcement_changes_nothing(pool: asyncpg.Pool) -> None:
    store = PostgresDeviceStore(pool)
    await store.announce(PUMP, AT)

    assert not await store.announce(PUMP, AT)

    assert 3 == len(await journal(pool))


async def test_only_what_differs_is_journalled(pool: asyncpg.Pool) -> None:
    store = PostgresDeviceStore(pool)
    await store.announce(PUMP, AT)

    await store.announce(replace(PUMP, boot_id=8), AT)
    await store.announce(replace(PUMP, boot_id=8, firmware="1.1"), AT)

    assert [("device_started", 4), ("device_described", 5)] == (await journal(pool))[3:]
    assert "1.1" == await pool.fetchval("SELECT firmware FROM device")


async def test_a_device_that_measured_first_is_described_later(pool: asyncpg.Pool) -> None:
    ids = await resolve_series(pool, [("pump-1", "pressure", ""), ("pump-1", "level", "m")])

    assert not await PostgresDeviceStore(pool).announce(PUMP, AT)

    [row] = await pool.fetch("SELECT device_id, series_id FROM series WHERE field = 'pressure'")
    assert ids["pump-1", "pressure"] == tuple(row)
    assert "bar" == await pool.fetchval("SELECT unit FROM series WHERE field = 'pressure'")
    assert [1, 2, 3] == [version for _, version in await journal(pool)]


async def test_many_writers_enrol_the_same_devices_once(pool: asyncpg.Pool) -> None:
    wanted = [(f"dev-{n}", "value", "") for n in range(50)]
    store = PostgresDeviceStore(pool)

    results = await asyncio.gather(
        *(resolve_series(pool, wanted if n % 2 else wanted[::-1]) for n in range(6)),
        *(store.announce(replace(PUMP, serial=f"dev-{n}"), AT) for n in range(20)),
    )

    resolved = [result for result in results if isinstance(result, dict)]
    assert all(result == resolved[0] for result in resolved)
    assert 50 == await pool.fetchval("SELECT count(*) FROM device")
    assert 50 == await pool.fetchval("SELECT count(*) FROM journal WHERE type = 'device_enrolled'")
    gaps = await pool.fetch(
        "SELECT entity_id FROM journal GROUP BY entity_id HAVING max(entity_version) <> count(*)"
    )
    assert [] == gaps
