"""Policies in a real database: set, inherited, refused, journalled."""

import json

import asyncpg
import pytest

from tests.integration.retention.store_room import ADMIN, StoreRoom
from weir.errors import NotFoundError, RequestError
from weir.model.retention import INSTALLATION, Layer, Scope
from weir.postgres.retention.policies import change_policy, read_policies

pytestmark = pytest.mark.postgres

HOUSE = Scope(site="house-1")
VIBRATION = Scope(series_class="vibration")


async def test_an_installation_begins_with_ages_for_everything(pool: asyncpg.Pool) -> None:
    ages = (await read_policies(pool))[INSTALLATION]

    assert [30, 180, None, None, None, None] == [ages[layer] for layer in Layer]


async def test_a_policy_is_set_and_partly_forgotten_and_journalled(room: StoreRoom) -> None:
    await room.add_series("meter", site="house-1")

    await change_policy(room.pool, HOUSE, {Layer.RAW: 90, Layer.HOUR: 400}, (), ADMIN)
    await change_policy(room.pool, HOUSE, {}, [Layer.HOUR], ADMIN)
    await change_policy(room.pool, HOUSE, {}, [Layer.HOUR], ADMIN)

    assert {Layer.RAW: 90} == (await read_policies(room.pool))[HOUSE]
    rows = await room.pool.fetch("SELECT * FROM journal WHERE entity = 'retention'")
    assert [("site/house-1", 1, "user:ada"), ("site/house-1", 2, "user:ada")] == [
        (row["entity_id"], row["entity_version"], row["actor"]) for row in rows
    ]
    assert {"raw": 90} == json.loads(rows[1]["data"])["ages"]


async def test_forgetting_all_ages_leaves_no_policy(room: StoreRoom) -> None:
    await room.add_series("shaker", series_class="vibration")
    await change_policy(room.pool, VIBRATION, {Layer.RAW: 2}, (), ADMIN)

    await change_policy(room.pool, VIBRATION, {}, list(Layer), ADMIN)

    assert VIBRATION not in await read_policies(room.pool)


async def test_an_unknown_site_is_named(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFoundError, match="no site 'house-1'"):
        await change_policy(pool, HOUSE, {Layer.RAW: 9}, (), ADMIN)


async def test_an_unknown_class_is_named_with_those_that_there_are(room: StoreRoom) -> None:
    await room.add_series("shaker", series_class="vibration")

    with pytest.raises(NotFoundError, match="class 'vibratoin'; there are: vibration"):
        await change_policy(room.pool, Scope(series_class="vibratoin"), {Layer.RAW: 9}, (), ADMIN)


async def test_the_policy_of_a_class_that_no_series_has_any_more_can_be_forgotten(
    room: StoreRoom,
) -> None:
    await room.add_series("shaker", series_class="vibration")
    await change_policy(room.pool, VIBRATION, {Layer.RAW: 2}, (), ADMIN)
    await room.pool.execute("UPDATE series SET class = ''")

    await change_policy(room.pool, VIBRATION, {}, [Layer.RAW], ADMIN)

    assert VIBRATION not in await read_policies(room.pool)


async def test_a_policy_that_contradicts_another_changes_nothing(room: StoreRoom) -> None:
    await room.add_series("shaker", site="house-1", series_class="vibration")
    await change_policy(room.pool, HOUSE, {Layer.RAW: 5, Layer.MINUTE: 10}, (), ADMIN)

    with pytest.raises(RequestError, match="class vibration at site house-1 would keep minute"):
        await change_policy(room.pool, VIBRATION, {Layer.RAW: 20}, (), ADMIN)

    assert VIBRATION not in await read_policies(room.pool)


async def test_the_installation_needs_all_its_ages(pool: asyncpg.Pool) -> None:
    with pytest.raises(RequestError, match="has every age"):
        await change_policy(pool, INSTALLATION, {}, [Layer.RAW], ADMIN)
