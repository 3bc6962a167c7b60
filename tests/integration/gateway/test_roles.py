"""Each role at each route: in, when the table of permissions says so, and out otherwise."""

import re
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from fastapi.routing import APIRoute

from gateway.access import OPEN_PATHS, permissions_wanted
from gateway.app import all_routers, create_app
from gateway.context import Context
from gateway.permissions import ROLE_PERMISSIONS
from gateway.rate_limits import Rate
from tests.integration.gateway.accounts import World
from tests.integration.gateway.conftest import TOKEN
from tests.integration.gateway.test_problems import assert_problem
from weir.model.account import Role
from weir.testing.clock import ManualClock

pytestmark = pytest.mark.postgres

ROUTES = [
    route
    for router in all_routers()
    for route in router.routes
    if isinstance(route, APIRoute) and route.path not in OPEN_PATHS
]
NOTHING = re.compile(r"\{[^}]*\}")


def is_refused(response: httpx.Response) -> bool:
    return response.status_code == 403 and "it needs" in response.json()["detail"]


@pytest.mark.parametrize("role", [None, *Role])
async def test_a_role_may_do_what_the_table_says_and_nothing_else(
    client: httpx.AsyncClient, role: Role | None
) -> None:
    world = World(client)
    await world.add_user("boss", "admin")
    await world.add_user("anna", role)
    token = world.show((await world.tokens_of("anna"))["access_token"])
    may = ROLE_PERMISSIONS[role] if role else frozenset()
    refused, forbidden = set(), set()
    for route in ROUTES:
        if route.path == "/v1/auth/logout":
            continue
        for method in route.methods or ():
            response = await token.request(method, NOTHING.sub("1", route.path), json={})
            assert response.status_code not in {401, 500}, (method, route.path)
            if is_refused(response):
                refused.add((method, route.path))
            if not permissions_wanted(route) <= may:
                forbidden.add((method, route.path))

    assert forbidden == refused


@pytest.fixture
async def hurried(pool: asyncpg.Pool, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """Give a gateway that answers three requests, and then one an hour."""
    rate = Rate(burst=3, per_s=1 / 3_600)
    app = create_app(Context(pool, clock, TOKEN, request_rate=rate))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway"
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [("/v1/auth/me", TOKEN, 200), ("/v1/auth/me", "wrong", 401), ("/healthz", None, 200)],
)
async def test_whoever_asks_too_often_is_told_when_to_ask_again(
    hurried: httpx.AsyncClient, path: str, token: str | None, status: int
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for _ in range(3):
        assert status == (await hurried.get(path, headers=headers)).status_code

    refused = await hurried.get(path, headers=headers)

    assert_problem(refused, 429, "too_many_requests")
    assert 3_590 <= int(refused.headers["retry-after"]) <= 3_600


async def test_who_guesses_tokens_takes_nothing_from_those_who_have_one(
    hurried: httpx.AsyncClient,
) -> None:
    for _ in range(4):
        await hurried.get("/v1/auth/me", headers={"Authorization": "Bearer wrong"})

    response = await hurried.get("/v1/auth/me", headers={"Authorization": f"Bearer {TOKEN}"})

    assert response.status_code == 200
