"""Asked twice with one key, a thing is done once."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from gateway.access import requires
from gateway.actor import InAuthor
from gateway.app import create_app
from gateway.context import Context
from gateway.idempotency import IdempotentRoute
from gateway.permissions import Permission
from tests.integration.gateway.conftest import TOKEN
from tests.integration.gateway.test_problems import assert_problem
from weir.errors import ConflictError
from weir.postgres.idempotent_requests import KEPT_FOR, UNDER_WAY_MAX
from weir.testing.clock import ManualClock
from weir.testing.conditions import eventually

pytestmark = pytest.mark.postgres


class Order(BaseModel):
    amount: int


class Kitchen:
    """A resource whose posts act, visibly."""

    def __init__(self) -> None:
        self.cooked: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.router = APIRouter(
            prefix="/v1/orders",
            dependencies=[requires(Permission.COMMANDS_SEND)],
            route_class=IdempotentRoute,
        )
        self.router.post("", status_code=201)(self.post_order)

    async def post_order(self, body: Order, author: InAuthor) -> dict[str, int | str]:
        await self.gate.wait()
        if body.amount == 0:
            raise ConflictError("nothing to cook")
        if body.amount < 0:
            raise ZeroDivisionError
        self.cooked.append(body.amount)
        return {"number": len(self.cooked), "by": author.actor}


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


@pytest.fixture
async def client(
    pool: asyncpg.Pool, clock: ManualClock, kitchen: Kitchen
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Context(pool, clock, TOKEN))
    app.include_router(kitchen.router)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as client:
        yield client


async def order(client: httpx.AsyncClient, amount: int, key: str | None = "a") -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await client.post("/v1/orders", json={"amount": amount}, headers=headers)


async def test_the_first_answer_is_given_again(client: httpx.AsyncClient, kitchen: Kitchen) -> None:
    first, second = await order(client, 5), await order(client, 5)

    assert [5] == kitchen.cooked
    assert (201, first.json()) == (second.status_code, second.json())
    assert first.headers["content-type"] == second.headers["content-type"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_without_a_key_each_request_is_one_of_its_own(
    client: httpx.AsyncClient, kitchen: Kitchen
) -> None:
    for _ in range(2):
        await order(client, 5, key=None)

    assert [5, 5] == kitchen.cooked


async def test_a_key_is_for_one_thing(client: httpx.AsyncClient, kitchen: Kitchen) -> None:
    await order(client, 5)

    assert_problem(await order(client, 6), 422, "invalid_request")
    assert [5] == kitchen.cooked


async def test_of_many_at_once_one_is_carried_out(
    client: httpx.AsyncClient, kitchen: Kitchen
) -> None:
    kitchen.gate.clear()
    requests = [asyncio.create_task(order(client, 5)) for _ in range(10)]
    await eventually(lambda: sum(request.done() for request in requests) == 9)
    kitchen.gate.set()

    statuses = sorted([(await request).status_code for request in requests])

    assert [201, *[409] * 9] == statuses
    assert [5] == kitchen.cooked
    assert (await order(client, 5)).json()["number"] == 1


async def test_what_was_refused_may_be_asked_again(
    client: httpx.AsyncClient, kitchen: Kitchen
) -> None:
    assert_problem(await order(client, 0), 409, "conflict")

    assert (await order(client, 1)).status_code == 201
    assert [1] == kitchen.cooked


async def test_after_a_crash_the_key_stays_taken_for_a_while(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    assert (await order(client, -1)).status_code == 500
    assert_problem(await order(client, -1), 409, "conflict")

    clock.advance(UNDER_WAY_MAX.total_seconds() + 1)

    assert (await order(client, -1)).status_code == 500


async def test_an_answer_is_forgotten_after_a_day(
    client: httpx.AsyncClient, kitchen: Kitchen, clock: ManualClock, pool: asyncpg.Pool
) -> None:
    await order(client, 5, "old")
    await order(client, 5)
    clock.advance(KEPT_FOR.total_seconds() + 1)

    await order(client, 6)

    assert [5, 5, 6] == kitchen.cooked
    assert await pool.fetchval("SELECT count(*) FROM idempotent_request") == 1


@pytest.mark.parametrize("key", ["a" * 256, "a b", "ä"])
async def test_a_wrong_key_is_refused(
    client: httpx.AsyncClient, kitchen: Kitchen, key: str
) -> None:
    response = await client.post(
        "/v1/orders", json={"amount": 5}, headers={b"Idempotency-Key": key.encode()}
    )

    assert_problem(response, 422, "invalid_request")
    assert kitchen.cooked == []


async def test_each_credential_has_its_own_keys(
    client: httpx.AsyncClient, kitchen: Kitchen, pool: asyncpg.Pool
) -> None:
    await order(client, 5)
    await pool.execute("UPDATE idempotent_request SET actor = 'user:anna'")

    await order(client, 5)

    assert [5, 5] == kitchen.cooked
