"""Run one read: bounded in time, and never letting a database exception pass."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from weir.errors import StoreUnavailableError
from weir.postgres.errors import translated
from weir.postgres.pool import Connection

#: A read that waits longer for a free connection finds the service overloaded.
ACQUIRE_TIMEOUT_S = 5.0
#: Longer reads are cancelled in the database too.
STATEMENT_TIMEOUT_S = 20.0
#: The planner cannot know how many readings are in a window whose start it learns while running; it
#: guesses few and sorts them all. These make it walk along the key and stop at the limit: 1 000 of
#: 800 000 readings in 7 ms instead of 500.
_WALK_ALONG_KEY = "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"


async def fetch(pool: asyncpg.Pool, statement: str, *arguments: object) -> list[asyncpg.Record]:
    """Give all rows.

    Raises:
        StoreUnavailableError: the database is away, overloaded, too slow, or not migrated yet.
    """
    async with lend(pool) as connection:
        return await connection.fetch(statement, *arguments, timeout=STATEMENT_TIMEOUT_S)


async def fetch_row(
    pool: asyncpg.Pool, statement: str, *arguments: object
) -> asyncpg.Record | None:
    """Give the first row, or None.

    Raises:
        StoreUnavailableError: as `fetch` does.
    """
    rows = await fetch(pool, statement, *arguments)
    return rows[0] if rows else None


async def fetch_along_key(
    pool: asyncpg.Pool, statement: str, *arguments: object
) -> list[asyncpg.Record]:
    """Give all rows of a statement whose inner queries are ordered by a key and limited.

    Raises:
        StoreUnavailableError: as `fetch` does.
    """
    async with lend(pool) as connection, connection.transaction(readonly=True):
        await connection.execute(_WALK_ALONG_KEY)
        return await connection.fetch(statement, *arguments, timeout=STATEMENT_TIMEOUT_S)


@asynccontextmanager
async def snapshot(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """Lend a connection on which every statement sees the database as the first one did.

    Raises:
        StoreUnavailableError: as `fetch` does.
    """
    async with (
        lend(pool) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        yield connection


@asynccontextmanager
async def lend(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """Lend a connection for several questions, each bounded in time as those of the pool are.

    Raises:
        StoreUnavailableError: as `fetch` does.
    """
    connection = await _acquire(pool)
    try:
        with translated():
            yield connection
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
        raise StoreUnavailableError(f"the database is not migrated: {error}") from error
    finally:
        await pool.release(connection)


async def _acquire(pool: asyncpg.Pool) -> "PoolConnectionProxy[asyncpg.Record]":
    try:
        with translated():
            return await pool.acquire(timeout=ACQUIRE_TIMEOUT_S)
    except asyncpg.PostgresError as error:
        # It refuses us: no such database (yet), no such role, closed for maintenance.
        raise StoreUnavailableError(f"PostgreSQL: {error}") from error
