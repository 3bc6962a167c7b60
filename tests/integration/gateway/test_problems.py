"""What goes wrong, and how the gateway says so."""

from datetime import datetime
from typing import Any

import asyncpg
import httpx
import pytest

from gateway.limits import BODY_BYTES_MAX, QUERY_BYTES_MAX
from tests.integration.gateway.conftest import NOWHERE, TOKEN, AddDevice, OpenClient
from weir.postgres.pool import open_pool
from weir.testing.clock import ManualClock

pytestmark = pytest.mark.postgres

RESOURCES = ["/v1/devices", "/v1/readings?serial=a", "/v1/dead-letters", "/v1/status"]


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"urn:weir:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


@pytest.mark.parametrize("path", [*RESOURCES, "/metrics", "/openapi.json", "/nothing"])
@pytest.mark.parametrize(
    "shown", [None, "Bearer wrong", "Bearer", "Basic a", f"Bearer {TOKEN}x", f"bearer{TOKEN}"]
)
async def test_without_the_token_there_is_no_answer(
    open_client: OpenClient, path: str, shown: str | None
) -> None:
    headers = {"Authorization": shown} if shown else {}
    async with (
        open_pool(NOWHERE) as pool,
        open_client(pool, ManualClock(), token="") as client,
    ):
        response = await client.get(path, headers=headers)

    assert_problem(response, 401, "unauthorized")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_the_token_may_not_be_shown_twice(open_client: OpenClient) -> None:
    headers = [("Authorization", "Bearer wrong"), ("Authorization", f"Bearer {TOKEN}")]
    async with (
        open_pool(NOWHERE) as pool,
        open_client(pool, ManualClock(), token="") as client,
    ):
        assert_problem(await client.get("/v1/devices", headers=headers), 401, "unauthorized")


async def test_health_needs_no_token(open_client: OpenClient, pool: asyncpg.Pool) -> None:
    async with open_client(pool, ManualClock(), token="") as client:
        answers = [(await client.get(path)).status_code for path in ("/healthz", "/readyz")]

    assert answers == [200, 200]


async def test_an_unknown_path_is_a_problem(lost_client: httpx.AsyncClient) -> None:
    assert_problem(await lost_client.get("/v1/nothing"), 404, "not_found")


async def test_a_wrong_method_is_a_problem(lost_client: httpx.AsyncClient) -> None:
    response = await lost_client.post("/v1/devices")

    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "GET"


async def test_a_refused_method_is_told_all_that_there_are(lost_client: httpx.AsyncClient) -> None:
    allowed = [
        (await lost_client.request("OPTIONS", path)).headers["allow"]
        for path in ("/v1/users", "/v1/users/anna", "/v1/dead-letters/discard")
    ]

    assert ["GET, POST", "DELETE, GET, PATCH", "POST"] == allowed


async def test_a_body_that_is_no_text_is_a_problem(lost_client: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    response = await lost_client.post("/v1/users", content=b"\xff{", headers=headers)

    assert_problem(response, 400, "request_refused")


async def test_every_wrong_parameter_is_named(lost_client: httpx.AsyncClient) -> None:
    response = await lost_client.get("/v1/devices?limit=0&sit=harbour&presence=asleep&site=%00")

    problem = assert_problem(response, 422, "invalid_request")
    assert {error["parameter"] for error in problem["errors"]} == {
        "query.limit",
        "query.presence",
        "query.sit",
        "query.site",
    }


@pytest.mark.parametrize(
    "query",
    [
        {"serial": "no.serial"},
        {"field": "a\x00"},
        {"field": "a" * 201},
        {"field": ["a"] * 257},
        {"since": "yesterday"},
        {"until": "9" * 65},
        {"limit": 0},
        {"limit": 10_001},
        {"limit": "many"},
        {"cursor": "abc"},
        {"cursor": "A" * 15_001},
        {"newest": True, "cursor": "abc"},
        {"from": "1m"},
    ],
)
async def test_a_wrong_question_is_refused_without_asking_the_database(
    lost_client: httpx.AsyncClient, query: dict[str, Any]
) -> None:
    response = await lost_client.get("/v1/readings", params={"serial": "pump-1", **query})

    assert_problem(response, 422, "invalid_request")


async def test_a_long_query_is_refused(lost_client: httpx.AsyncClient) -> None:
    response = await lost_client.get(f"/v1/devices?search={'a' * QUERY_BYTES_MAX}")

    assert_problem(response, 414, "query_too_long")


async def test_a_long_body_is_refused_before_it_is_read(lost_client: httpx.AsyncClient) -> None:
    response = await lost_client.post("/v1/devices", content=b"a" * (BODY_BYTES_MAX + 1))

    assert_problem(response, 413, "content_too_large")


@pytest.mark.parametrize("given", ["abc-1.Z_9", "a" * 64])
async def test_a_clients_request_id_comes_back(lost_client: httpx.AsyncClient, given: str) -> None:
    response = await lost_client.get("/healthz", headers={"X-Request-ID": given})

    assert response.headers["x-request-id"] == given


async def test_a_clients_trace_goes_on_as_its_request_id(lost_client: httpx.AsyncClient) -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    traced = await lost_client.get("/healthz", headers=headers)
    named = await lost_client.get("/healthz", headers={**headers, "X-Request-ID": "mine"})

    assert [trace_id, "mine"] == [each.headers["x-request-id"] for each in (traced, named)]


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", "a\tb", '"', "日本"])
async def test_what_is_no_request_id_is_replaced(
    lost_client: httpx.AsyncClient, given: str
) -> None:
    response = await lost_client.get("/healthz", headers={b"X-Request-ID": given.encode()})

    assert response.headers["x-request-id"] != given
    assert len(response.headers["x-request-id"]) == 16


@pytest.mark.parametrize("path", RESOURCES)
async def test_a_database_that_is_away_is_a_problem_of_the_moment(
    lost_client: httpx.AsyncClient, path: str
) -> None:
    response = await lost_client.get(path)

    assert_problem(response, 503, "store_unavailable")
    assert int(response.headers["retry-after"]) > 0


async def test_without_a_database_the_gateway_lives_but_is_not_ready(
    lost_client: httpx.AsyncClient,
) -> None:
    assert (await lost_client.get("/healthz")).status_code == 200
    problem = assert_problem(await lost_client.get("/readyz"), 503, "not_ready")
    assert "secret-of-nobody" not in str(problem)
    assert "127.0.0.1" not in str(problem)


async def test_a_database_without_migrations_is_told(
    open_client: OpenClient, database_url: str
) -> None:
    async with open_pool(database_url) as pool, open_client(pool, ManualClock()) as client:
        problem = assert_problem(await client.get("/readyz"), 503, "not_ready")
        assert "0001_pre_registry" in problem["detail"]
        assert_problem(await client.get("/v1/devices"), 503, "store_unavailable")


async def test_lost_connections_are_replaced(
    client: httpx.AsyncClient, pool: asyncpg.Pool, add_device: AddDevice
) -> None:
    await add_device("pump-1")
    assert (await client.get("/v1/devices")).status_code == 200
    async with pool.acquire() as connection:
        await connection.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )

    answers = [(await client.get("/v1/devices")).status_code for _ in range(10)]

    assert answers[-1] == 200
    assert set(answers) <= {200, 503}


class BrokenClock:
    """A bug that happens while a request is answered."""

    def now(self) -> datetime:
        raise ZeroDivisionError("the clock is broken, and says a secret")


async def test_a_bug_is_one_failed_request_that_tells_no_details(
    open_client: OpenClient, pool: asyncpg.Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_client(pool, BrokenClock()) as client:
        problem = assert_problem(await client.get("/v1/events"), 500, "internal_error")
        assert (await client.get("/healthz")).status_code == 200

    assert "secret" not in str(problem)
    logged = capsys.readouterr()
    assert "request_crashed" in logged.out + logged.err


async def test_requests_are_counted_by_route_and_not_by_path(
    client: httpx.AsyncClient, add_device: AddDevice
) -> None:
    await add_device("pump-17")
    await client.get("/v1/devices/pump-17")
    await client.request("BREW", "/v1/devices/pump-17")

    text = (await client.get("/metrics")).text

    assert 'route="/v1/devices/{serial}",status="200"' in text
    assert 'method="other"' in text
    assert "pump-17" not in text


async def test_the_contract_is_published_with_its_problems(lost_client: httpx.AsyncClient) -> None:
    contract = (await lost_client.get("/openapi.json")).json()

    assert set(contract["paths"]) >= {
        "/v1/devices",
        "/v1/devices/{serial}",
        "/v1/readings",
        "/v1/readings/tail",
        "/v1/dead-letters",
        "/v1/dead-letters/{dead_letter_id}",
        "/v1/status",
    }
    operations = [each for path in contract["paths"].values() for each in path.values()]
    for operation in operations:
        answers = operation["responses"]
        assert answers["503"]["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        }
