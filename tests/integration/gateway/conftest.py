"""The gateway over ASGI on a migrated PostgreSQL, and short ways to put data there."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher, profiles

from gateway.app import create_app
from gateway.context import Context
from weir.accounts.passwords import Passwords
from weir.clock import Clock
from weir.postgres.pool import open_pool
from weir.testing.clock import START, ManualClock

TOKEN = "a-token-for-tests"  # noqa: S105 - of no gateway but these

#: Users of these tests have no secrets, and no time.
CHEAP_HASHER = PasswordHasher.from_parameters(profiles.CHEAPEST)

NOWHERE = "postgresql://nobody:secret-of-nobody@127.0.0.1:1/nothing"

OpenClient: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
AddDevice: TypeAlias = Callable[..., Coroutine[Any, Any, None]]
AddReadings: TypeAlias = Callable[..., Coroutine[Any, Any, None]]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(migrated_database_url) as pool:
        yield pool


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_client() -> OpenClient:
    @asynccontextmanager
    async def open_client(
        pool: asyncpg.Pool, clock: Clock, token: str = TOKEN
    ) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(Context(pool, clock, TOKEN, passwords=Passwords(CHEAP_HASHER)))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://gateway",
            headers={"Authorization": f"Bearer {token}"} if token else {},
        ) as client:
            yield client

    return open_client


@pytest.fixture
async def client(
    open_client: OpenClient, pool: asyncpg.Pool, clock: ManualClock
) -> AsyncIterator[httpx.AsyncClient]:
    async with open_client(pool, clock) as client:
        yield client


@pytest.fixture
async def lost_client(
    open_client: OpenClient, clock: ManualClock
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a gateway whose database cannot be reached."""
    async with open_pool(NOWHERE) as pool, open_client(pool, clock) as client:
        yield client


@pytest.fixture
def add_device(pool: asyncpg.Pool) -> AddDevice:
    async def add_device(
        serial: str, *, model: str = "", site: str = "unassigned", seen_at: datetime | None = None
    ) -> None:
        await pool.execute(
            """
            INSERT INTO site (org_id, slug, name)
            SELECT org_id, $1, $1 FROM organisation ON CONFLICT DO NOTHING
            """,
            site,
        )
        await pool.execute(
            """
            INSERT INTO device (serial, site_id, model, enrolled_at)
            SELECT $1, site_id, $3, $4 FROM site WHERE slug = $2
            """,
            serial,
            site,
            model,
            START,
        )
        if seen_at:
            await pool.execute(
                """
                INSERT INTO device_activity (device_id, last_seen_at, last_observed_at)
                SELECT device_id, $2, $2 FROM device WHERE serial = $1
                """,
                serial,
                seen_at,
            )
            await pool.execute(
                """
                INSERT INTO device_presence
                SELECT device_id, $2, $3, $4, 9, 1 FROM device WHERE serial = $1
                """,
                serial,
                seen_at >= START,
                "heard" if seen_at >= START else "silence",
                seen_at,
            )

    return add_device


@pytest.fixture
def add_readings(pool: asyncpg.Pool) -> AddReadings:
    async def add_readings(
        serial: str, field: str, values: dict[float, float | str], unit: str = ""
    ) -> None:
        """Store values by seconds after `START`; numbers and texts may be mixed."""
        series_id = await pool.fetchval(
            """
            INSERT INTO series (device_id, field, unit)
            SELECT device_id, $2, $3 FROM device WHERE serial = $1
            ON CONFLICT (device_id, field) DO UPDATE SET unit = excluded.unit RETURNING series_id
            """,
            serial,
            field,
            unit,
        )
        for table, kind in (("reading", float), ("text_reading", str)):
            await pool.executemany(
                f"INSERT INTO {table} VALUES ($1, $2, $3)",  # noqa: S608 - two constants
                [(series_id, at(second), v) for second, v in values.items() if isinstance(v, kind)],
            )

    return add_readings
