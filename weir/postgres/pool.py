"""Connect to PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from weir.postgres.errors import translated

#: For those that pass a pool on without asking it anything.
Pool: TypeAlias = asyncpg.Pool
#: What statements run on: a connection of its own, or one lent by a pool.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"

#: Connections of one service: a writer, a claim, and a few readers.
POOL_SIZE_MAX = 8
CONNECT_TIMEOUT_S = 10.0
#: Longer than any statement of a service takes; a hung one is an outage.
STATEMENT_TIMEOUT_S = 120.0


@asynccontextmanager
async def open_pool(
    url: str, *, size_max: int = POOL_SIZE_MAX, schema: str | None = None
) -> AsyncIterator[asyncpg.Pool]:
    """Give a pool that connects when it is first used, and closes it.

    A connection that comes back is used again as it is, which spares each transaction a statement:
    whatever is set, is set with SET LOCAL, and locks are those of a transaction.

    `schema`: whose tables come before those of `public`.

    Raises:
        StoreUnavailableError: the address cannot be used.
    """
    path = {"search_path": f"{schema}, public"} if schema else {}
    with translated():
        pool = await asyncpg.create_pool(
            url,
            min_size=0,
            max_size=size_max,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            reset=_keep,
            server_settings={"application_name": "weir", "timezone": "UTC", **path},
        )
    try:
        yield pool
    finally:
        pool.terminate()


@asynccontextmanager
async def transaction(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """Lend a connection inside a transaction, which commits when the block ends without error.

    Raises:
        StoreUnavailableError: try again later; the commit itself may have happened.
        RejectedByStoreError: the database refused the content.
    """
    with translated():
        async with pool.acquire() as connection, connection.transaction():
            yield connection


async def _keep(_: Connection) -> None:
    """Leave a connection as it is; asyncpg has ended its transaction by then."""
