"""The resource `/v1/events` on a real database: windows, filters, pages, the newest."""

import csv
import io
import json
import random
from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import AddDevice
from tests.integration.gateway.occurrences import add_events
from weir.testing.clock import ManualClock

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
async def devices(add_device: AddDevice) -> None:
    for serial in ("house-1", "house-2", "house-3"):
        await add_device(serial)


async def get(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    response = await client.get("/v1/events", params=query)
    assert 200 == response.status_code, response.text
    answer: dict[str, Any] = response.json()
    return answer


def seen(page: dict[str, Any]) -> list[tuple[str, str, Any]]:
    return [(event["serial"], event["type"], event["data"].get("n")) for event in page["events"]]


async def test_a_window_of_all_devices_is_given_by_time(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await add_events(pool, "house-1", [(0, "outage", {"n": 1}), (2, "outage", {"n": 3})])
    await add_events(pool, "house-2", [(1, "charging_started", {"n": 2, "kW": 11.5})])

    page = await get(client, since="2026-03-14T15:09:26Z", until="2026-03-14T15:09:28Z")

    assert [("house-1", "outage", 1), ("house-2", "charging_started", 2)] == seen(page)
    assert page["next_cursor"] is None
    event = page["events"][1]
    assert "2026-03-14T15:09:27.000000Z" == event["observed_at"]
    assert {"n": 2, "kW": 11.5} == event["data"]
    assert {"serial", "observed_at", "type", "data", "recorded_at"} == set(event)


async def test_events_are_filtered_by_device_and_type(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    for number, serial in enumerate(("house-1", "house-2", "house-3")):
        await add_events(pool, serial, [(number, "outage", {}), (number, "door.opened", {})])

    found = await get(client, serial=["house-1", "house-3"], type=["outage", "never"])

    assert [("house-1", "outage", None), ("house-3", "outage", None)] == seen(found)


async def test_pages_give_every_event_once_and_in_order(
    client: httpx.AsyncClient, pool: asyncpg.Pool, clock: ManualClock
) -> None:
    rng = random.Random(5)
    for serial in ("house-1", "house-2"):
        # Many of one instant, and of one type in it: page ends fall everywhere.
        events = [(-rng.randrange(6), rng.choice("abc"), {"n": n}) for n in range(60)]
        await add_events(pool, serial, events)
    expected = seen(await get(client, limit=1_000))
    assert 120 == len(expected)

    for limit in (1, 7, 119, 120):
        found = []
        query: dict[str, Any] = {"limit": limit, "since": "1m", "until": "now"}
        query["until"] = "0s"
        while True:
            page = await get(client, **query)
            found += seen(page)
            if page["next_cursor"] is None:
                break
            clock.advance(0.01)
            query["cursor"] = page["next_cursor"]
        assert [event for event in expected if event in found] == found
        assert len(found) == len({(serial, n) for serial, _, n in found})


async def test_the_newest_are_given_oldest_first(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await add_events(pool, "house-1", [(second, "tick", {"n": second}) for second in range(9)])

    page = await get(client, newest=True, limit=2, until="2026-03-14T15:09:33Z")

    assert [("house-1", "tick", 5), ("house-1", "tick", 6)] == seen(page)
    assert page["next_cursor"] is None


async def test_a_window_is_downloaded_whole(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    events = [(number / 100, "tick", {"n": number}) for number in range(1_001)]
    await add_events(pool, "house-1", events)

    lines = (await client.get("/v1/events", params={"format": "ndjson"})).text.splitlines()
    sheet = await client.get("/v1/events", headers={"Accept": "text/csv"}, params={"limit": 1})
    newest = await client.get(
        "/v1/events", params={"format": "csv", "newest": True, "limit": 2, "type": "tick"}
    )

    assert list(range(1_001)) == [json.loads(json.loads(line)["data"])["n"] for line in lines]
    assert 'attachment; filename="events.csv"' == sheet.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert (1_001, "2026-03-14T15:09:26.000000Z") == (len(rows), rows[0]["observed_at"])
    assert [999, 1_000] == [
        json.loads(row["data"])["n"] for row in csv.DictReader(io.StringIO(newest.text))
    ]


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"serial": "nobody"}, 404, "no device has the serial 'nobody'"),
        ({"serial": ["x1", "house-1", "x2"]}, 404, "no devices have the serials 'x1', 'x2'"),
        ({"serial": "a/b"}, 422, "query.serial"),
        ({"serial": [f"house-{n}" for n in range(101)]}, 422, "at most 100 items"),
        ({"type": "no such"}, 422, "query.type"),
        ({"since": "yesterday"}, 422, "query.since: not a time: 'yesterday'"),
        ({"since": "1h", "until": "2h"}, 422, "query.since: 2026-03-14T14:09:26.000000Z is after"),
        ({"limit": 1_001}, 422, "query.limit"),
        ({"cursor": "bm9uc2Vuc2U"}, 422, "not a cursor of this list"),
        ({"newest": True, "cursor": "abc"}, 422, "the newest rows have one page only"),
        ({"format": "xls"}, 422, "query.format: not 'xls'; there are json, "),
        ({"format": "csv", "cursor": "abc"}, 422, "query.cursor: a download has no pages"),
        ({"typ": "outage"}, 422, "query.typ"),
    ],
)
async def test_what_is_wrong_with_a_query_is_said(
    client: httpx.AsyncClient, query: dict[str, Any], status: int, words: str
) -> None:
    response = await client.get("/v1/events", params=query)

    assert (status, True) == (response.status_code, words in response.json()["detail"]), (
        response.text
    )
