"""API tokens: what they may do, when they end, and that none gets more than its owner."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.gateway.accounts import World
from tests.integration.gateway.test_problems import assert_problem
from weir.testing.clock import ManualClock

pytestmark = pytest.mark.postgres

DAY_S = 86_400


@pytest.fixture
def world(client: httpx.AsyncClient) -> World:
    return World(client)


async def test_a_token_is_shown_once_and_recognised(world: World) -> None:
    anna = await world.user("anna", "operator")

    made = (await anna.post("/v1/tokens", json={"name": "grafana"})).json()

    assert made["token"].startswith("weir_")
    assert len(made["token"]) == 48
    (listed,) = (await anna.get("/v1/tokens")).json()["tokens"]
    assert "token" not in listed
    assert (listed["name"], listed["owner"], listed["role"]) == ("grafana", "anna", "viewer")
    me = (await world.show(made["token"]).get("/v1/auth/me")).json()
    assert (me["actor"], me["user"], me["is_login"]) == ("token:grafana", "anna", False)


async def test_a_token_ends_by_date(world: World, clock: ManualClock) -> None:
    await world.add_user("anna")
    token = await world.token("anna", lifetime_days=2)
    clock.advance(2 * DAY_S - 1)
    assert (await token.get("/v1/auth/me")).status_code == 200

    clock.advance(1)

    assert_problem(await token.get("/v1/auth/me"), 401, "unauthorized")
    assert (await world.admin.get("/v1/tokens")).json()["tokens"] == []
    assert len((await world.admin.get("/v1/tokens?ended=true")).json()["tokens"]) == 1
    # Its name is free again.
    await world.token("anna")


async def test_a_revoked_token_is_dead_at_once(world: World, pool: asyncpg.Pool) -> None:
    await world.add_user("anna")
    token = await world.token("anna")
    (listed,) = (await world.admin.get("/v1/tokens")).json()["tokens"]
    path = f"/v1/tokens/{listed['token_id']}"

    assert (await world.admin.delete(path)).status_code == 204

    assert_problem(await token.get("/v1/auth/me"), 401, "unauthorized")
    assert_problem(await world.admin.delete(path), 404, "not_found")
    types = await pool.fetch("SELECT type FROM journal WHERE entity = 'api_token' ORDER BY 1")
    assert ["api_token_created", "api_token_revoked"] == [row["type"] for row in types]


@pytest.mark.parametrize("shown", ["weir_", "weir_" + "a" * 43, "weir_ä", "weir_a b"])
async def test_an_unknown_token_is_refused(world: World, shown: str) -> None:
    headers = {b"Authorization": f"Bearer {shown}".encode()}

    assert_problem(await world.show("").get("/v1/auth/me", headers=headers), 401, "unauthorized")


async def test_its_last_use_is_noted_once_a_minute(
    world: World, clock: ManualClock, pool: asyncpg.Pool
) -> None:
    await world.add_user("anna")
    token = await world.token("anna")
    seen = []
    for seconds in (0, 30, 30):
        clock.advance(seconds)
        await token.get("/v1/auth/me")
        seen.append(await pool.fetchval("SELECT last_used_at FROM api_token"))

    assert seen[0] == seen[1]
    assert (seen[2] - seen[0]).total_seconds() == 60


async def test_a_token_loses_what_its_owner_loses(world: World) -> None:
    await world.add_user("boss", "admin")
    await world.add_user("anna", "admin")
    token = await world.token("anna", role="admin")
    assert (await token.get("/v1/users")).status_code == 200

    patch = {"roles": {"default": "viewer"}}
    await world.admin.patch("/v1/users/anna", json=patch, headers={"If-Match": "*"})

    assert_problem(await token.get("/v1/users"), 403, "forbidden")
    assert (await token.get("/v1/devices")).status_code == 200


async def test_a_narrowed_token_may_do_just_that(world: World) -> None:
    await world.add_user("anna", "operator")
    token = await world.token("anna", role="operator", permissions=["devices:read"])

    assert (await token.get("/v1/devices")).status_code == 200
    refused = assert_problem(await token.get("/v1/status"), 403, "forbidden")
    assert refused["detail"] == "token:of-anna may not do this: it needs status:read"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "a b"}, 422),
        ({"name": "t", "lifetime_days": 0}, 422),
        ({"name": "t", "lifetime_days": 10_000}, 422),
        ({"name": "t", "permissions": []}, 422),
        ({"name": "t", "permissions": ["devices:read", "all"]}, 422),
        ({"name": "t", "permissions": ["commands:send"]}, 422),
        ({"name": "t", "role": "admin"}, 403),
        ({"name": "t", "owner": "boss"}, 403),
        ({"name": "t", "owner": "nobody"}, 403),
    ],
)
async def test_a_wrong_token_is_not_made(world: World, body: dict[str, Any], status: int) -> None:
    await world.add_user("boss", "admin")
    anna = await world.user("anna", "operator")

    assert status == (await anna.post("/v1/tokens", json=body)).status_code
    assert (await world.admin.get("/v1/tokens")).json()["tokens"] == []


async def test_a_token_makes_no_tokens(world: World) -> None:
    await world.add_user("anna", "admin")
    token = await world.token("anna", role="admin")

    assert_problem(await token.post("/v1/tokens", json={"name": "child"}), 403, "forbidden")


async def test_a_narrow_token_makes_nobody_who_is_more(world: World) -> None:
    await world.add_user("anna", "admin")
    token = await world.token("anna", role="admin", permissions=["users:manage"])

    made = await token.post("/v1/users", json={"name": "eve", "roles": {"default": "viewer"}})
    reset = await token.post("/v1/users/anna/password", json={})

    assert_problem(made, 403, "forbidden")
    assert_problem(reset, 403, "forbidden")


async def test_users_see_and_revoke_their_own_tokens_only(world: World) -> None:
    anna, berta = await world.user("anna"), await world.user("berta")
    made = (await anna.post("/v1/tokens", json={"name": "hers"})).json()

    assert (await berta.get("/v1/tokens")).json()["tokens"] == []
    assert_problem(await berta.get("/v1/tokens?owner=anna"), 403, "forbidden")
    assert_problem(await berta.delete(f"/v1/tokens/{made['token_id']}"), 404, "not_found")
    assert len((await anna.get("/v1/tokens?owner=anna")).json()["tokens"]) == 1
    assert (await anna.delete(f"/v1/tokens/{made['token_id']}")).status_code == 204


async def test_two_live_tokens_have_two_names(world: World) -> None:
    anna = await world.user("anna")
    await anna.post("/v1/tokens", json={"name": "grafana"})

    assert_problem(await anna.post("/v1/tokens", json={"name": "grafana"}), 409, "conflict")


async def test_the_installations_own_token_says_whose_token_it_makes(world: World) -> None:
    problem = assert_problem(
        await world.admin.post("/v1/tokens", json={"name": "t"}), 422, "invalid_request"
    )

    assert "owner" in problem["detail"]
