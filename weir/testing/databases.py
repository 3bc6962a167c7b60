"""A database for one test, and its roles. Asyncpg has leave here: tests test `weir.postgres`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from weir.postgres.roles import Role, prepare_database

#: Fixed: roles belong to a server, which several tests use at once.
PASSWORDS = {role: f"{role}-of-the-tests" for role in Role}


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


async def make_roles(database_url: str) -> None:
    """Make Weir's roles on a server, and a database theirs; `database_url`: of a superuser."""
    await prepare_database(database_url, PASSWORDS)


def as_role(database_url: str, role: Role) -> str:
    """Give the address under which a role of `make_roles` uses a database."""
    parts = urlsplit(database_url)
    login = f"{role}:{PASSWORDS[role]}@{parts.hostname}:{parts.port}"
    return parts._replace(netloc=login).geturl()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
