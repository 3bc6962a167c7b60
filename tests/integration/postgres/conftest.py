"""A pool on a migrated database, and short ways to make batches."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from weir.postgres.pool import open_pool


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(migrated_database_url) as pool:
        yield pool
