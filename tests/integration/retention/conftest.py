"""A device with readings, in both modes of storage, and streams that the rollups have passed."""

import os
import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.integration.retention.store_room import StoreRoom
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.testing.databases import open_database


@pytest.fixture(params=["plain", pytest.param("timescaledb", marks=pytest.mark.newest)])
async def pool(request: pytest.FixtureRequest) -> AsyncIterator[asyncpg.Pool]:
    """Give a migrated database without TimescaleDB, and one with it where its address is given."""
    if request.param == "timescaledb":
        server_url = os.environ.get("WEIR_NEWEST_POSTGRES_URL")
        if not server_url:
            pytest.skip("WEIR_NEWEST_POSTGRES_URL is not set")
    else:
        server_url = request.getfixturevalue("postgres_url")
    async with open_database(server_url, f"test_{secrets.token_hex(6)}") as url:
        await migrate(url)
        async with open_pool(url) as pool:
            if await pool.fetchval("SELECT storage_mode()") != request.param:
                pytest.skip(f"this server's storage is not {request.param}")
            yield pool


@pytest.fixture
async def room(pool: asyncpg.Pool) -> StoreRoom:
    room = StoreRoom(pool)
    await room.furnish()
    return room
