"""Users: made, changed, deleted; every change in the journal, and in force at once."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.gateway.accounts import PASSWORD, World
from tests.integration.gateway.test_problems import assert_problem

pytestmark = pytest.mark.postgres

ANY = {"If-Match": "*"}


@pytest.fixture
def world(client: httpx.AsyncClient) -> World:
    return World(client)


async def test_a_user_is_made_shown_and_listed(world: World) -> None:
    for name in ("berta", "anna@example.org"):
        await world.add_user(name, "operator")

    page = (await world.admin.get("/v1/users?limit=1")).json()
    rest = (await world.admin.get(f"/v1/users?cursor={page['next_cursor']}")).json()
    shown = await world.admin.get("/v1/users/berta")

    assert ["anna@example.org"] == [user["name"] for user in page["users"]]
    assert ["berta"] == [user["name"] for user in rest["users"]]
    assert shown.json() == rest["users"][0]
    assert shown.headers["etag"] == '"1"'
    assert shown.json()["roles"] == {"default": "operator"}
    assert "password" not in shown.json()


async def test_a_password_that_nobody_has_chosen_is_shown_once(world: World) -> None:
    made = (await world.admin.post("/v1/users", json={"name": "anna"})).json()

    assert made["roles"] == {"default": "viewer"}
    assert (await world.log_in("anna", made["password"])).status_code == 200
    assert "password" not in (await world.admin.get("/v1/users/anna")).json()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "Anna"},
        {"name": "a" * 64},
        {"name": "a b"},
        {"name": "a\n"},
        {"name": "anna", "password": "short"},
        {"name": "anna", "roles": {"default": "king"}},
        {"name": "anna", "roles": {"NO": "viewer"}},
        {"name": "anna", "is_root": True},
    ],
)
async def test_a_wrong_user_is_not_made(world: World, body: dict[str, Any]) -> None:
    assert_problem(await world.admin.post("/v1/users", json=body), 422, "invalid_request")

    assert (await world.admin.get("/v1/users")).json()["users"] == []


async def test_a_role_in_an_organisation_that_does_not_exist_makes_nobody(world: World) -> None:
    body = {"name": "anna", "roles": {"default": "viewer", "acme": "admin"}}

    assert_problem(await world.admin.post("/v1/users", json=body), 404, "not_found")
    assert_problem(await world.admin.get("/v1/users/anna"), 404, "not_found")


async def test_a_name_is_given_once(world: World) -> None:
    await world.add_user("anna")

    response = await world.admin.post("/v1/users", json={"name": "anna"})

    assert_problem(response, 409, "conflict")


async def test_a_changed_role_holds_at_once(world: World) -> None:
    anna = await world.user("anna", "viewer")
    assert (await anna.get("/v1/users")).status_code == 403

    patch = {"roles": {"default": "admin"}}
    changed = await world.admin.patch("/v1/users/anna", json=patch, headers=ANY)

    assert changed.json()["roles"] == {"default": "admin"}
    assert changed.headers["etag"] == '"2"'
    assert (await anna.get("/v1/users")).status_code == 200


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ('"2"', 412, "precondition_failed"),
        ('W/"1"', 412, "precondition_failed"),
        ("1", 412, "precondition_failed"),
        ('"1"', 200, ""),
        ('"7", "1"', 200, ""),
        ("*", 200, ""),
    ],
)
async def test_only_who_has_seen_a_user_may_change_them(
    world: World, if_match: str | None, status: int, code: str
) -> None:
    await world.add_user("anna")
    headers = {} if if_match is None else {"If-Match": if_match}

    response = await world.admin.patch(
        "/v1/users/anna", json={"is_disabled": True}, headers=headers
    )

    assert status == response.status_code
    if code:
        assert_problem(response, status, code)


async def test_a_disabled_user_is_out_at_once_and_can_come_back(world: World) -> None:
    anna = await world.user("anna")
    token = await world.token("anna")
    path = "/v1/users/anna"

    await world.admin.patch(path, json={"is_disabled": True}, headers=ANY)

    assert [401, 401] == [(await who.get("/v1/auth/me")).status_code for who in (anna, token)]
    assert (await world.log_in("anna")).status_code == 401
    await world.admin.patch(path, json={"is_disabled": False}, headers=ANY)
    assert (await world.log_in("anna")).status_code == 200
    assert (await token.get("/v1/auth/me")).status_code == 200
    assert (await anna.get("/v1/auth/me")).status_code == 401


async def test_a_deleted_user_is_gone_and_who_comes_back_has_nothing_of_them(
    world: World, pool: asyncpg.Pool
) -> None:
    anna = await world.user("anna", "admin")
    token = await world.token("anna")
    await world.add_user("berta", "admin")

    assert (await world.admin.delete("/v1/users/anna")).status_code == 204

    assert_problem(await world.admin.delete("/v1/users/anna"), 404, "not_found")
    await world.add_user("anna", "viewer")
    assert [401, 401] == [(await who.get("/v1/auth/me")).status_code for who in (anna, token)]
    rows = await pool.fetch(
        "SELECT entity_version, type FROM journal WHERE entity_id = 'anna' ORDER BY position"
    )
    assert [(1, "user_created"), (2, "user_deleted"), (3, "user_created")] == [
        tuple(row) for row in rows
    ]


@pytest.mark.parametrize(
    "patch", [{"roles": {"default": "operator"}}, {"is_disabled": True}, {"roles": {}}, None]
)
async def test_somebody_stays_who_administers(world: World, patch: dict[str, Any] | None) -> None:
    await world.add_user("anna", "admin")
    path = "/v1/users/anna"

    async def lose() -> httpx.Response:
        if patch is None:
            return await world.admin.delete(path)
        return await world.admin.patch(path, json=patch, headers=ANY)

    assert_problem(await lose(), 409, "conflict")
    await world.add_user("berta", "admin")
    assert (await lose()).is_success


async def test_a_reset_password_ends_all_logins(world: World) -> None:
    anna = await world.user("anna")

    reset = (await world.admin.post("/v1/users/anna/password", json={})).json()

    assert (await anna.get("/v1/auth/me")).status_code == 401
    assert (await world.log_in("anna", PASSWORD)).status_code == 401
    assert (await world.log_in("anna", reset["password"])).status_code == 200


async def test_the_journal_tells_who_did_what_in_which_request(
    world: World, pool: asyncpg.Pool
) -> None:
    boss = await world.user("boss", "admin")
    headers = {"X-Request-ID": "request-7"}

    await boss.post("/v1/users", json={"name": "anna", "password": PASSWORD}, headers=headers)

    row = await pool.fetchrow(
        "SELECT entity, entity_id, type, actor, correlation_id, data::text FROM journal "
        "ORDER BY position DESC LIMIT 1"
    )
    assert row
    assert ("user", "anna", "user_created", "user:boss", "request-7") == tuple(row)[:5]
    assert PASSWORD not in row["data"]


async def test_a_role_elsewhere_gives_nothing_here(world: World, pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO organisation (slug, name) VALUES ('acme', 'Acme')")
    anna = await world.user("anna", None)
    patch = {"roles": {"acme": "admin"}}
    assert (await world.admin.patch("/v1/users/anna", json=patch, headers=ANY)).is_success

    assert_problem(await anna.get("/v1/devices"), 403, "forbidden")
    assert_problem(await anna.get("/v1/users"), 403, "forbidden")


async def test_what_changes_nothing_is_not_journalled(world: World, pool: asyncpg.Pool) -> None:
    await world.add_user("anna")
    before = await pool.fetchval("SELECT count(*) FROM journal")

    patch = {"roles": {"default": "viewer"}, "is_disabled": False}
    response = await world.admin.patch("/v1/users/anna", json=patch, headers=ANY)

    assert response.headers["etag"] == '"1"'
    assert before == await pool.fetchval("SELECT count(*) FROM journal")
