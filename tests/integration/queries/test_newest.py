"""The newest reading of each series, from the rollups where those have it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.integration.queries.filling import Filled, fill, roll
from weir.clock import to_us
from weir.model.announcement import Kind
from weir.postgres.pool import open_pool
from weir.postgres.queries.series import summarise_series

pytestmark = pytest.mark.postgres

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=40)


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(migrated_database_url) as pool:
        yield pool


async def store(pool: asyncpg.Pool, field: str, *instants: datetime) -> None:
    readings = {to_us(instant): float(number) for number, instant in enumerate(instants)}
    async with pool.acquire() as connection:
        await fill(connection, Filled("a", field, Kind.GAUGE, readings))


async def newest(pool: asyncpg.Pool) -> dict[str, tuple[datetime | None, float | str | None]]:
    return {
        each.field: (each.last_observed_at, each.last_value)
        for each in await summarise_series(pool, "a")
    }


async def test_it_is_found_wherever_it_is(pool: asyncpg.Pool) -> None:
    await store(pool, "silent", LONG_AGO, LONG_AGO + timedelta(hours=1))
    await store(pool, "alive", LONG_AGO, NOON - timedelta(minutes=10))
    async with pool.acquire() as connection:
        await roll(connection, NOON - timedelta(minutes=2))
    await store(pool, "alive", NOON)
    await store(pool, "new", NOON - timedelta(seconds=1))
    # What is late and older is not the newest, rolled up or not.
    await store(pool, "alive", NOON - timedelta(days=3))

    assert {
        "alive": (NOON, 0.0),
        "new": (NOON - timedelta(seconds=1), 0.0),
        "silent": (LONG_AGO + timedelta(hours=1), 1.0),
    } == await newest(pool)


async def test_it_is_known_when_the_readings_are_dropped(pool: asyncpg.Pool) -> None:
    await store(pool, "silent", LONG_AGO)
    async with pool.acquire() as connection:
        await roll(connection, NOON)
    await pool.execute("DELETE FROM reading")

    assert {"silent": (LONG_AGO, 0.0)} == await newest(pool)


async def test_it_is_known_before_anything_is_rolled_up(pool: asyncpg.Pool) -> None:
    await store(pool, "silent", LONG_AGO)

    assert {"silent": (LONG_AGO, 0.0)} == await newest(pool)
