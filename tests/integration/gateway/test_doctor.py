"""The resource `/v1/doctor`, and `iotctl doctor` in front of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from cli.doctor import exit_code_of
from tests.integration.gateway.conftest import TOKEN
from tests.integration.gateway.test_server import Gateway
from weir import __version__
from weir.embedded.ports import free_ports
from weir.ports import DeadLetter
from weir.postgres.dead_letters import PostgresDeadLetterStore
from weir.testing.clock import START

pytestmark = pytest.mark.postgres


async def test_an_examination_says_what_was_looked_at_and_by_which_clock(
    client: httpx.AsyncClient,
) -> None:
    answer = (await client.get("/v1/doctor")).json()
    assert (__version__, f"{START:%Y-%m-%dT%H:%M:%S}") == (
        answer["version"],
        answer["answered_at"][:19],
    )
    database = [each for each in answer["findings"] if each["check"] == "database"]
    assert ["PostgreSQL", "schema"] == [each["subject"] for each in database]
    assert {"ok"} == {each["state"] for each in database}
    assert {"check", "state", "subject", "message", "remedy"} == set(database[0])
    # The clock of these tests stands still in March.
    (clock,) = [each for each in answer["findings"] if each["subject"] == "PostgreSQL clock"]
    assert "failure" == clock["state"]


async def test_without_a_database_that_is_what_is_told(lost_client: httpx.AsyncClient) -> None:
    lost_client.headers["Authorization"] = f"Bearer {TOKEN}"
    response = await lost_client.get("/v1/doctor")
    assert 200 == response.status_code, response.text
    failed = [each for each in response.json()["findings"] if each["state"] == "failure"]
    assert "database" in {each["check"] for each in failed}


@pytest.mark.parametrize(
    ("states", "code"),
    [((), 0), (("ok", "skipped"), 0), (("warning", "ok"), 10), (("ok", "failure", "warning"), 1)],
)
def test_the_exit_code_tells_how_bad_it_is(states: tuple[str, ...], code: int) -> None:
    assert code == exit_code_of(states)


async def test_what_the_gateway_tells_is_printed_with_what_mends_it(
    migrated_database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    gateway = Gateway(migrated_database_url, port, tmp_path / "gateway.log")
    seen_at = datetime.now(UTC)  # noqa: TID251 - the database's clock is the real one
    letter = DeadLetter("logs", "undecodable", "", "queue", "key", b"", seen_at)
    await PostgresDeadLetterStore(pool).keep(letter)
    with gateway.running():
        await gateway.answers("/readyz", 200)
        warned = gateway.iotctl("doctor", "-o", "json")
        assert 10 == warned.returncode, warned.stderr
        (found,) = [each for each in json.loads(warned.stdout) if each["state"] == "warning"]
        assert "iotctl dead list --consumer logs --reason undecodable" == found["remedy"]
    failed = gateway.iotctl("doctor")
    assert 1 == failed.returncode
    assert "iotctl run gateway" in failed.stdout
