"""Logins: who comes in, goes on, leaves; and what is shown that does not hold."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from gateway.accounts import FAILURES_OF_ADDRESS
from tests.integration.gateway.accounts import PASSWORD, World
from tests.integration.gateway.test_problems import assert_problem
from weir.accounts.access_tokens import KEYS_FRESH, LIFETIME
from weir.postgres.sessions import REFRESH_LIFETIME, SESSION_LIFETIME
from weir.postgres.signing_keys import ROTATION_INTERVAL
from weir.testing.clock import ManualClock

pytestmark = pytest.mark.postgres

ME = "/v1/auth/me"


@pytest.fixture
def world(client: httpx.AsyncClient) -> World:
    return World(client)


async def journal(pool: asyncpg.Pool) -> list[tuple[str, str, str]]:
    rows = await pool.fetch("SELECT entity_id, type, actor FROM journal ORDER BY position")
    return [tuple(row) for row in rows]


async def test_who_logs_in_is_who_they_say(world: World) -> None:
    anna = await world.user("anna", "operator")

    me = (await anna.get(ME)).json()

    assert (me["actor"], me["user"], me["role"]) == ("user:anna", "anna", "operator")
    assert me["is_login"]
    assert "commands:send" in me["permissions"]
    assert "users:manage" not in me["permissions"]


@pytest.mark.parametrize(
    ("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("", ""), ("ANNA", PASSWORD)]
)
async def test_a_wrong_name_and_a_wrong_password_look_alike(
    world: World, name: str, password: str
) -> None:
    await world.add_user("anna")

    problem = assert_problem(await world.log_in(name, password), 401, "unauthorized")

    assert problem["detail"] == "the name or the password is wrong"


async def test_an_access_token_ends(world: World, clock: ManualClock) -> None:
    anna = await world.user("anna")
    clock.advance(LIFETIME.total_seconds() - 1)
    assert (await anna.get(ME)).status_code == 200

    clock.advance(1)

    problem = assert_problem(await anna.get(ME), 401, "unauthorized")
    assert "refresh" in problem["detail"]


def _part(value: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def forgeries(world: World, pool: asyncpg.Pool) -> list[str]:
    token = (await world.tokens_of("anna"))["access_token"]
    header, claims, signature = token.split(".")
    content = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    key_id = await pool.fetchval("SELECT key_id FROM signing_key")
    secret = await pool.fetchval("SELECT secret FROM signing_key")
    none = _part({"alg": "none", "kid": key_id})
    ours, other = OctKey.import_key(secret), OctKey.import_key(b"x" * 64)
    signed = [
        ({"alg": "HS256", "kid": key_id}, content, other),
        ({"alg": "HS256", "kid": "other"}, content, other),
        ({"alg": "HS256"}, content, ours),
        ({"alg": "HS512", "kid": key_id}, content, other),
        ({"alg": "HS256", "kid": key_id}, {**content, "aud": "another"}, ours),
        ({"alg": "HS256", "kid": key_id}, {**content, "iss": "another"}, ours),
        ({"alg": "HS256", "kid": key_id}, {**content, "sub": "berta"}, ours),
        ({"alg": "HS256", "kid": key_id}, {**content, "sid": "another"}, ours),
        ({"alg": "HS256", "kid": key_id}, {**content, "exp": "never"}, ours),
        ({"alg": "HS256", "kid": key_id}, {"sub": "anna"}, ours),
    ]
    return [
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        f"{header}.{_part({**content, 'sub': 'berta'})}.{signature}",
        f"{header}.{claims}.",
        f"{header}.{claims}",
        "a.b.c",
        ".",
        *(jwt.encode(head, body, key, [head["alg"]]) for head, body, key in signed),
    ]


async def test_a_forged_access_token_is_refused(world: World, pool: asyncpg.Pool) -> None:
    await world.add_user("anna")
    await world.add_user("berta", "admin")

    for forged in await forgeries(world, pool):
        assert_problem(await world.show(forged).get(ME), 401, "unauthorized")


async def test_a_refresh_token_gives_the_next_two(world: World) -> None:
    await world.add_user("anna")
    first = await world.tokens_of("anna")

    second = (await world.refresh(first["refresh_token"])).json()

    assert first["refresh_token"] != second["refresh_token"]
    assert (await world.show(second["access_token"]).get(ME)).json()["user"] == "anna"
    assert (await world.refresh(second["refresh_token"])).status_code == 200


async def test_a_refresh_token_that_is_used_twice_ends_the_login(
    world: World, pool: asyncpg.Pool
) -> None:
    await world.add_user("anna")
    first = await world.tokens_of("anna")
    other_login = await world.tokens_of("anna")
    second = (await world.refresh(first["refresh_token"])).json()

    assert_problem(await world.refresh(first["refresh_token"]), 401, "unauthorized")

    assert_problem(await world.refresh(second["refresh_token"]), 401, "unauthorized")
    for tokens in (first, second):
        assert (await world.show(tokens["access_token"]).get(ME)).status_code == 401
    assert (await world.refresh(other_login["refresh_token"])).status_code == 200
    assert (await journal(pool))[-1] == ("anna", "user_session_revoked", "system")


async def test_of_refreshes_at_once_one_passes_and_the_login_ends(world: World) -> None:
    await world.add_user("anna")
    tokens = await world.tokens_of("anna")

    answers = await asyncio.gather(*(world.refresh(tokens["refresh_token"]) for _ in range(5)))

    assert [200, 401, 401, 401, 401] == sorted(answer.status_code for answer in answers)
    (winner,) = (answer.json() for answer in answers if answer.is_success)
    assert (await world.show(winner["access_token"]).get(ME)).status_code == 401


@pytest.mark.parametrize("shown", ["", "a", "a" * 200])
async def test_what_is_no_refresh_token_is_refused(world: World, shown: str) -> None:
    assert_problem(await world.refresh(shown), 401, "unauthorized")


async def test_a_login_that_is_not_used_ends(world: World, clock: ManualClock) -> None:
    await world.add_user("anna")
    tokens = await world.tokens_of("anna")

    clock.advance(REFRESH_LIFETIME.total_seconds())

    assert_problem(await world.refresh(tokens["refresh_token"]), 401, "unauthorized")


async def test_a_login_ends_however_much_it_is_used(world: World, clock: ManualClock) -> None:
    await world.add_user("anna")
    tokens = await world.tokens_of("anna")
    step = REFRESH_LIFETIME - timedelta(hours=1)
    for _ in range(SESSION_LIFETIME // step):
        clock.advance(step.total_seconds())
        tokens = (await world.refresh(tokens["refresh_token"])).json()

    clock.advance(step.total_seconds())

    assert_problem(await world.refresh(tokens["refresh_token"]), 401, "unauthorized")


async def test_who_logs_out_is_out_at_once(world: World) -> None:
    await world.add_user("anna")
    tokens = await world.tokens_of("anna")
    anna = world.show(tokens["access_token"])

    assert (await anna.post("/v1/auth/logout")).status_code == 204

    assert_problem(await anna.get(ME), 401, "unauthorized")
    assert_problem(await world.refresh(tokens["refresh_token"]), 401, "unauthorized")


async def test_a_token_cannot_log_out(world: World) -> None:
    await world.add_user("anna")
    token = await world.token("anna")

    assert_problem(await token.post("/v1/auth/logout"), 409, "conflict")
    assert_problem(await world.admin.post("/v1/auth/logout"), 409, "conflict")


async def test_a_new_password_ends_all_other_logins(world: World, pool: asyncpg.Pool) -> None:
    anna = await world.user("anna")
    other_login = world.show((await world.tokens_of("anna"))["access_token"])
    new = "another horse, another battery"
    body = {"current_password": PASSWORD, "new_password": new}

    assert (await anna.post("/v1/auth/password", json=body)).status_code == 204

    assert (await anna.get(ME)).status_code == 200
    assert (await other_login.get(ME)).status_code == 401
    assert (await world.log_in("anna")).status_code == 401
    assert (await world.log_in("anna", new)).status_code == 200
    assert ("anna", "user_password_changed", "user:anna") in await journal(pool)


@pytest.mark.parametrize(
    ("current", "new", "status"),
    [("wrong", "long enough for all", 403), (PASSWORD, "short", 422), (PASSWORD, "a" * 257, 422)],
)
async def test_a_password_is_not_changed_without_the_present_one_nor_to_a_short_one(
    world: World, current: str, new: str, status: int
) -> None:
    anna = await world.user("anna")
    body = {"current_password": current, "new_password": new}

    assert (await anna.post("/v1/auth/password", json=body)).status_code == status
    assert (await world.log_in("anna")).status_code == 200


async def test_guessing_is_slowed_down_and_then_forgiven(world: World, clock: ManualClock) -> None:
    await world.add_user("anna")
    for _ in range(FAILURES_OF_ADDRESS.burst):
        assert (await world.log_in("anna", "a guess")).status_code == 401

    refused = await world.log_in("anna")

    assert_problem(refused, 429, "too_many_requests")
    clock.advance(int(refused.headers["retry-after"]))
    assert (await world.log_in("anna")).status_code == 200


async def test_a_right_password_does_not_count_as_a_guess(world: World) -> None:
    await world.add_user("anna")

    answers = [
        (await world.log_in("anna")).status_code for _ in range(FAILURES_OF_ADDRESS.burst + 1)
    ]

    assert {200} == set(answers)


async def test_keys_are_replaced_and_what_the_old_one_signed_holds_until_it_ends(
    world: World, pool: asyncpg.Pool, clock: ManualClock
) -> None:
    await world.add_user("anna")
    await world.tokens_of("anna")
    clock.advance((ROTATION_INTERVAL - timedelta(minutes=1)).total_seconds())
    old = world.show((await world.tokens_of("anna"))["access_token"])
    clock.advance((KEYS_FRESH + timedelta(seconds=1)).total_seconds())

    new = world.show((await world.tokens_of("anna"))["access_token"])

    assert await pool.fetchval("SELECT count(*) FROM signing_key") == 2
    assert [(await who.get(ME)).status_code for who in (old, new)] == [200, 200]


async def test_no_secret_is_stored_in_the_clear(world: World, pool: asyncpg.Pool) -> None:
    await world.add_user("anna")
    tokens = await world.tokens_of("anna")
    made = await world.admin.post("/v1/tokens", json={"name": "grafana", "owner": "anna"})
    secrets = [PASSWORD, tokens["refresh_token"], tokens["access_token"], made.json()["token"]]

    for table in ("user_account", "user_session", "refresh_token", "api_token", "journal"):
        rows = await pool.fetch(f"SELECT t::text AS row FROM {table} AS t")  # noqa: S608
        stored = " ".join(row["row"] for row in rows)
        assert stored
        assert not [secret for secret in secrets if secret in stored]
