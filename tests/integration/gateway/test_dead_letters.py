"""The resource `/v1/dead-letters` on a real database."""

from base64 import b64decode
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from weir.ports import DeadLetter
from weir.postgres.dead_letters import PostgresDeadLetterStore

pytestmark = pytest.mark.postgres

BODY = bytes(range(256))


def letter(
    offset: int, *, reason: str = "undecodable", serial: str | None = "pump-1"
) -> DeadLetter:
    return DeadLetter(
        consumer="measurements",
        reason=reason,
        error="not a Batch",
        source="stream.0",
        routing_key="sensor.pump-1.measurements",
        body=BODY,
        first_seen_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        source_offset=offset,
        exchange="iot",
        headers={"x-death": [{"count": 3}]},
        serial=serial,
    )


@pytest.fixture(autouse=True)
async def letters(pool: asyncpg.Pool) -> None:
    store = PostgresDeadLetterStore(pool)
    for offset in range(4):
        await store.keep(letter(offset))
    await store.keep(letter(4, reason="unroutable", serial=None))


async def ids(client: httpx.AsyncClient, query: str = "") -> list[int]:
    response = await client.get(f"/v1/dead-letters?{query}")
    assert response.status_code == 200, response.text
    return [each["dead_letter_id"] for each in response.json()["dead_letters"]]


async def test_dead_letters_are_listed_newest_first(client: httpx.AsyncClient) -> None:
    assert await ids(client) == [5, 4, 3, 2, 1]


async def test_pages_give_every_dead_letter_once(client: httpx.AsyncClient) -> None:
    first = (await client.get("/v1/dead-letters?limit=3")).json()

    assert [each["dead_letter_id"] for each in first["dead_letters"]] == [5, 4, 3]
    assert await ids(client, f"limit=3&cursor={first['next_cursor']}") == [2, 1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("reason=unroutable", [5]),
        ("serial=pump-1&limit=1", [4]),
        ("consumer=logs", []),
        ("state=kept", [5, 4, 3, 2, 1]),
        ("state=discarded", []),
    ],
)
async def test_dead_letters_are_filtered(
    client: httpx.AsyncClient, query: str, found: list[int]
) -> None:
    assert found == await ids(client, query)


async def test_a_dead_letter_is_shown_byte_for_byte(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/v1/dead-letters/1")).json()

    assert b64decode(shown.pop("body_base64")) == BODY
    shown.pop("recorded_at")
    assert shown == {
        "dead_letter_id": 1,
        "state": "kept",
        "reason": "undecodable",
        "error": "not a Batch",
        "consumer": "measurements",
        "source": "stream.0",
        "source_offset": 0,
        "routing_key": "sensor.pump-1.measurements",
        "serial": "pump-1",
        "body_bytes": 256,
        "attempts": 1,
        "first_seen_at": "2026-01-02T03:04:05.000006Z",
        "settled_at": None,
        "exchange": "iot",
        "headers": {"x-death": [{"count": 3}]},
    }


@pytest.mark.parametrize(
    ("number", "status"), [("6", 404), ("0", 422), ("-1", 404), ("9" * 30, 422), ("one", 404)]
)
async def test_a_number_that_no_dead_letter_has_is_refused(
    client: httpx.AsyncClient, number: str, status: int
) -> None:
    assert status == (await client.get(f"/v1/dead-letters/{number}")).status_code
