"""A database with all that dashboards show, asked as the roles that Grafana has."""

import asyncio
import secrets
from collections.abc import Iterator

import asyncpg
import pytest

from tests.integration.grafana.estate import furnish
from weir.postgres.migrate import migrate
from weir.postgres.roles import Role
from weir.testing.databases import as_role, make_roles, open_database


@pytest.fixture(scope="module")
def estate(postgres_url: str) -> Iterator[str]:
    """Give the address of the owner; readers take theirs from it."""
    with asyncio.Runner() as runner:
        database = open_database(postgres_url, f"test_{secrets.token_hex(6)}")
        url = runner.run(database.__aenter__())
        try:
            runner.run(make_roles(url))
            owner_url = as_role(url, Role.OWNER)
            runner.run(migrate(owner_url))
            runner.run(_furnish(owner_url))
            yield owner_url
        finally:
            runner.run(database.__aexit__(None, None, None))


async def _furnish(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await furnish(connection)
    finally:
        await connection.close()
