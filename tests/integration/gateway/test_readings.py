"""The resource `/v1/readings` on a real database: windows, pages, the newest, and the live view."""

import random
from datetime import datetime
from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import AddDevice, AddReadings, at
from weir.testing.clock import ManualClock

pytestmark = pytest.mark.postgres

Seen = list[tuple[str, float, float | str]]


@pytest.fixture(autouse=True)
async def devices(add_device: AddDevice) -> None:
    await add_device("pump-1")
    await add_device("pump-2")


async def get(client: httpx.AsyncClient, path: str = "", **query: Any) -> dict[str, Any]:
    response = await client.get(f"/v1/readings{path}", params={"serial": "pump-1", **query})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def seen(page: dict[str, Any]) -> Seen:
    """Give what a page has, with seconds after the start for instants."""
    return [
        (
            each["field"],
            (datetime.fromisoformat(each["observed_at"]) - at(0)).total_seconds(),
            each["value"],
        )
        for each in page["readings"]
    ]


async def read_pages(client: httpx.AsyncClient, **query: Any) -> Seen:
    found: Seen = []
    cursor = None
    while True:
        page = await get(client, **query, **({"cursor": cursor} if cursor else {}))
        found += seen(page)
        cursor = page["next_cursor"]
        if cursor is None:
            return found
        assert len(page["readings"]) == query["limit"]


async def test_a_window_has_its_start_but_not_its_end(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "pressure", {0: 1.0, 1: 2.0, 2: 3.0}, "bar")

    page = await get(client, since="2026-03-14T15:09:26Z", until="2026-03-14T15:09:28Z")

    assert seen(page) == [("pressure", 0, 1.0), ("pressure", 1, 2.0)]
    assert page["readings"][0] == {
        "serial": "pump-1",
        "field": "pressure",
        "observed_at": "2026-03-14T15:09:26.000000Z",
        "value": 1.0,
        "unit": "bar",
    }


async def test_what_a_device_has_against_a_reading_is_told(
    client: httpx.AsyncClient, add_readings: AddReadings, pool: asyncpg.Pool
) -> None:
    await add_readings("pump-1", "pressure", {0: 1.0, 1: 2.0})
    await pool.execute("UPDATE reading SET quality = 3 WHERE value = 2")

    page = await get(client, since="2026-03-14T15:09:26Z", until="2026-03-14T15:09:28Z")
    tail = await get(client, "/tail")

    for answer in (page, tail):
        assert [None, "bad"] == [each.get("quality") for each in answer["readings"]]


async def test_times_are_relative_to_now(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "pressure", {-61: 1.0, -60: 2.0, -1: 3.0, 0: 4.0})

    assert seen(await get(client, since="1m", until="now")) == [
        ("pressure", -60, 2.0),
        ("pressure", -1, 3.0),
    ]


async def test_only_the_fields_that_are_asked_for_are_given(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    for field in ("a", "b", "c"):
        await add_readings("pump-1", field, {0: 1.0})
    await add_readings("pump-2", "a", {0: 9.0})

    assert seen(await get(client, field=["a", "c"])) == [("a", 0, 1.0), ("c", 0, 1.0)]


async def test_pages_give_every_reading_once_and_in_order(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    rng = random.Random(11)
    expected: Seen = []
    for field in ("a", "b", "c"):
        # The same few instants in every field, numbers and texts: page ends fall everywhere.
        seconds = sorted(rng.sample(range(12), 8))
        numbers: dict[float, float | str] = {second: float(second) for second in seconds}
        texts: dict[float, float | str] = dict.fromkeys(seconds[::2], "text")
        await add_readings("pump-1", field, numbers)
        await add_readings("pump-1", field, texts)
        expected += [(field, second, value) for second, value in numbers.items()]
        expected += [(field, second, value) for second, value in texts.items()]
    expected.sort(key=lambda each: (each[1], each[0], isinstance(each[2], str)))

    for limit in (1, 2, 5, 7, len(expected), 1_000):
        assert expected == await read_pages(client, limit=limit)


async def test_a_page_keeps_the_end_of_its_window(
    client: httpx.AsyncClient, add_readings: AddReadings, clock: ManualClock
) -> None:
    await add_readings("pump-1", "a", {-5: 1.0, -4: 2.0, 1: 3.0})
    first = await get(client, since="1m", until="now", limit=1)

    clock.advance(10)
    second = await get(client, since="1m", until="now", limit=1, cursor=first["next_cursor"])

    assert seen(first) + seen(second) == [("a", -5, 1.0), ("a", -4, 2.0)]
    assert second["next_cursor"] is None


async def test_the_newest_of_a_window_are_given_oldest_first(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "a", {0: 1.0, 2: 3.0, 4: 5.0})
    await add_readings("pump-1", "b", {1: "x", 3: "y"})

    page = await get(client, newest=True, limit=3, until=at(4).isoformat())

    assert seen(page) == [("b", 1, "x"), ("a", 2, 3.0), ("b", 3, "y")]
    assert page["next_cursor"] is None


@pytest.mark.parametrize("query", [{"serial": "nobody"}, {"field": "nothing"}])
async def test_what_there_is_not_is_not_found(
    client: httpx.AsyncClient, add_readings: AddReadings, query: dict[str, Any]
) -> None:
    await add_readings("pump-1", "a", {0: 1.0})

    response = await client.get("/v1/readings", params={"serial": "pump-1", **query})

    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


async def test_a_live_view_begins_with_the_newest_and_gives_each_reading_once(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "a", {0: 0.0, 1: 1.0, 2: 2.0})
    await add_readings("pump-1", "b", {0: "x"})
    page = await get(client, "/tail", limit=2)
    found = [seen(page)]
    for arrivals in (
        {"a": {3: 3.0, 4: 4.0}},
        {},
        {"b": {1: "behind a, but not behind b"}},
        {"c": {0.5: 1.0}},
        {"a": {5: "a text now", 6: 6.0}, "b": {5: 1.0}},
    ):
        for field, values in arrivals.items():
            await add_readings("pump-1", field, values)
        page = await get(client, "/tail", cursor=page["cursor"])
        found.append(seen(page))

    assert found == [
        [("a", 1, 1.0), ("a", 2, 2.0)],
        [("a", 3, 3.0), ("a", 4, 4.0)],
        [],
        [("b", 1, "behind a, but not behind b")],
        [("c", 0.5, 1.0)],
        [("a", 5, "a text now"), ("b", 5, 1.0), ("a", 6, 6.0)],
    ]


async def test_a_live_view_that_falls_behind_catches_up_in_small_steps(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "a", {0: 0.0})
    await add_readings("pump-1", "b", {0: 0.0})
    page = await get(client, "/tail")
    await add_readings("pump-1", "a", {second: float(second) for second in range(1, 30)})
    await add_readings("pump-1", "b", {second / 2: float(second) for second in range(1, 30)})
    found: Seen = []
    while True:
        page = await get(client, "/tail", cursor=page["cursor"], limit=7)
        if not page["readings"]:
            break
        found += seen(page)

    assert len(found) == len(set(found)) == 58


async def test_a_live_view_of_a_silent_device_gives_its_first_reading(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    page = await get(client, "/tail")
    assert page["readings"] == []

    await add_readings("pump-1", "a", {0: 1.0})
    page = await get(client, "/tail", cursor=page["cursor"])

    assert seen(page) == [("a", 0, 1.0)]
