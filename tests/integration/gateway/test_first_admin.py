"""The administrator that an installation begins with, and the way back in."""

import asyncio

import asyncpg
import httpx
import pytest

from tests.integration.gateway.accounts import World
from weir.accounts.first_admin import FIRST_ADMIN, make_first_admin
from weir.accounts.recovery import recover_admin
from weir.errors import RejectedByStoreError, StoreUnavailableError
from weir.postgres.pool import open_pool
from weir.testing.clock import START

pytestmark = pytest.mark.postgres

FIRST_PASSWORD = "the password of the first start"  # noqa: S105 - of nobody else


@pytest.fixture
def world(client: httpx.AsyncClient) -> World:
    return World(client)


async def test_of_several_gateways_that_start_at_once_one_makes_the_administrator(
    world: World, pool: asyncpg.Pool
) -> None:
    made = await asyncio.gather(
        *(make_first_admin(pool, f"{FIRST_PASSWORD} {number}", START) for number in range(3))
    )

    assert [False, False, True] == sorted(made)
    password = f"{FIRST_PASSWORD} {made.index(True)}"
    assert (await world.log_in(FIRST_ADMIN, password)).status_code == 200


async def test_there_is_one_first_start_only(world: World, pool: asyncpg.Pool) -> None:
    await make_first_admin(pool, FIRST_PASSWORD, START)
    await world.add_user("anna", "admin")
    await world.admin.delete(f"/v1/users/{FIRST_ADMIN}")

    assert not await make_first_admin(pool, FIRST_PASSWORD, START)
    assert (await world.log_in(FIRST_ADMIN, FIRST_PASSWORD)).status_code == 401


async def test_before_the_migrations_it_waits(database_url: str) -> None:
    async with open_pool(database_url) as pool:
        with pytest.raises(StoreUnavailableError):
            await make_first_admin(pool, FIRST_PASSWORD, START)


@pytest.mark.parametrize("state", ["unknown", "disabled", "demoted", "deleted"])
async def test_whoever_has_the_database_gets_back_in(
    world: World, migrated_database_url: str, state: str
) -> None:
    await world.add_user("boss", "admin")
    path, anyhow = "/v1/users/anna", {"If-Match": "*"}
    if state != "unknown":
        await world.add_user("anna", "admin")
    if state == "disabled":
        await world.admin.patch(path, json={"is_disabled": True}, headers=anyhow)
    if state == "demoted":
        await world.admin.patch(path, json={"roles": {}}, headers=anyhow)
    if state == "deleted":
        await world.admin.delete(path)

    password = await recover_admin(migrated_database_url, "anna", START)

    anna = world.show((await world.tokens_of("anna", password))["access_token"])
    assert (await anna.get("/v1/users")).status_code == 200


async def test_what_is_no_name_recovers_nobody(migrated_database_url: str) -> None:
    with pytest.raises(RejectedByStoreError):
        await recover_admin(migrated_database_url, "Anna", START)
