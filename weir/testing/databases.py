"""A database for one test. Here asyncpg is used outside `weir.postgres`: tests test that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg


@asynccontextmanager
async def open_database(server_url: str, name: str) -> AsyncIterator[str]:
    """Make a database for the time of the block; sessions that are left in it are ended.

    `server_url`: of a role that may create databases. `name`: lower-case letters, digits and `_`.
    """
    await _execute(server_url, f"CREATE DATABASE {name}")
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        await _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
