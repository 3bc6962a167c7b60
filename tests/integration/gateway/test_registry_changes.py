"""Devices, series and sites as an operator changes them, and the journal of it."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from weir.model.announcement import Announcement, FieldDescription, Kind
from weir.postgres.devices import PostgresDeviceStore, resolve_series

pytestmark = pytest.mark.postgres

AT = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
ANY = {"If-Match": "*"}
HARBOUR = {"slug": "harbour", "name": "North harbour", "time_zone": "Europe/Berlin"}


@pytest.fixture(autouse=True)
async def pump(pool: asyncpg.Pool) -> None:
    announcement = Announcement(
        "pump-1", "P-100", "1.0", (FieldDescription("a/energy", "Wh", "in", Kind.TOTAL),)
    )
    await PostgresDeviceStore(pool).announce(announcement, AT)


async def types(client: httpx.AsyncClient, query: str = "") -> list[str]:
    events = (await client.get(f"/v1/journal?{query}")).json()["events"]
    return [event["type"] for event in events]


async def changed(client: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    answer = await client.patch(path, json=body, headers=ANY)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def requested(pool: asyncpg.Pool) -> list[str]:
    rows = await pool.fetch("SELECT reason FROM rollup_request ORDER BY request_id")
    return [row["reason"] for row in rows]


async def test_a_device_is_named_and_moved(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    await client.post("/v1/sites", json=HARBOUR)

    device = await changed(client, "/v1/devices/pump-1", name="The pump", site="harbour")

    assert ("The pump", "harbour", 4) == (device["name"], device["site"], device["version"])
    assert ["device_moved", "device_renamed"] == (await types(client, "entity_id=pump-1"))[:2]
    assert ["time_zone"] == await requested(pool)
    for search in ("THE", "ump-1", "p-100"):
        found = (await client.get(f"/v1/devices?search={search}")).json()["devices"]
        assert ["pump-1"] == [each["serial"] for each in found]


async def test_a_change_says_of_which_version_it_is(client: httpx.AsyncClient) -> None:
    read = await client.get("/v1/devices/pump-1")
    body, path = {"name": "mine"}, "/v1/devices/pump-1"

    without = await client.patch(path, json=body)
    first = await client.patch(path, json=body, headers={"If-Match": read.headers["ETag"]})
    second = await client.patch(
        path, json={"name": "yours"}, headers={"If-Match": read.headers["ETag"]}
    )

    assert (428, "precondition_required") == (without.status_code, without.json()["code"])
    assert (200, '"3"') == (first.status_code, first.headers["ETag"])
    assert (412, "precondition_failed") == (second.status_code, second.json()["code"])
    assert "mine" == (await client.get(path)).json()["name"]


async def test_a_device_is_shut_out_and_let_in_again(client: httpx.AsyncClient) -> None:
    states = []
    for verb in ("disable", "disable", "enable"):
        answer = await client.post(f"/v1/devices/pump-1/{verb}")
        states.append(answer.json()["state"])

    assert ["disabled", "disabled", "active"] == states
    assert ["device_enabled", "device_disabled"] == (await types(client, "entity=device"))[:2]


async def test_a_deleted_device_is_out_of_the_lists_until_it_is_undeleted(
    client: httpx.AsyncClient,
) -> None:
    assert 204 == (await client.delete("/v1/devices/pump-1")).status_code
    assert [] == (await client.get("/v1/devices")).json()["devices"]
    deleted = (await client.get("/v1/devices?state=deleted")).json()["devices"]
    refused = await client.post("/v1/devices/pump-1/disable")
    back = await client.post("/v1/devices/pump-1/undelete")

    assert ["deleted"] == [device["state"] for device in deleted]
    assert (409, "conflict") == (refused.status_code, refused.json()["code"])
    assert "undelete it first" in refused.json()["detail"]
    assert "active" == back.json()["state"]
    assert 1 == len((await client.get("/v1/devices")).json()["devices"])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"site": "nowhere"}, "there is no site 'nowhere'"),
        ({"site": "No Slug"}, "body.site"),
        ({"name": "x" * 201}, "body.name"),
        ({"name": "a\x1bb"}, "control characters"),
        ({"colour": "red"}, "body.colour"),
    ],
)
async def test_what_a_device_cannot_be_is_refused(
    client: httpx.AsyncClient, body: dict[str, str], detail: str
) -> None:
    answer = await client.patch("/v1/devices/pump-1", json=body, headers=ANY)

    assert (422, "invalid_request") == (answer.status_code, answer.json()["code"])
    assert detail in answer.json()["detail"]
    assert '"2"' == (await client.get("/v1/devices/pump-1")).headers["ETag"]


@pytest.mark.parametrize("path", ["devices/nobody", "sites/nowhere", "series/pump-1/none"])
async def test_what_is_not_there_cannot_be_changed(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.patch(f"/v1/{path}", json={}, headers=ANY)

    assert (404, "not_found") == (answer.status_code, answer.json()["code"])


async def test_an_operators_word_outlasts_the_devices(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    path = "/v1/series/pump-1/a/energy"
    series = await changed(client, path, unit="kW.h", kind="total_increasing", series_class="bill")
    assert ("kW.h", "total_increasing", "bill", ["unit", "kind"]) == (
        series["unit"],
        series["kind"],
        series["series_class"],
        series["overridden"],
    )
    assert ["kind"] == await requested(pool)

    announcement = Announcement(
        "pump-1", "P-100", "1.1", (FieldDescription("a/energy", "MWh", "out", Kind.GAUGE),)
    )
    await PostgresDeviceStore(pool).announce(announcement, AT)
    kept = (await client.get(path)).json()
    restored = await changed(client, path, unit=None, kind=None)

    assert ("kW.h", "total_increasing", "out") == (kept["unit"], kept["kind"], kept["description"])
    assert ("MWh", "gauge", []) == (restored["unit"], restored["kind"], restored["overridden"])
    assert ["series_changed", "series_described", "series_changed", "series_created"] == (
        await types(client, "entity=series")
    )


async def test_series_are_listed_and_filtered(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await resolve_series(pool, [(f"pump-{n}", f"f{n}", "bar") for n in range(3)])

    async def fields(query: str) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            page = (await client.get(f"/v1/series?{query}&limit=2{cursor}")).json()
            found += [series["field"] for series in page["series"]]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    assert ["f0", "a/energy", "f1", "f2"] == await fields("")
    assert ["a/energy", "f1"] == await fields("serial=pump-1")
    assert ["a/energy"] == await fields("kind=total")
    assert ["a/energy"] == await fields("search=ENERGY")


async def test_a_site_is_made_changed_and_removed(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    made = await client.post("/v1/sites", json=HARBOUR)
    again = await client.post("/v1/sites", json=HARBOUR)
    await changed(client, "/v1/devices/pump-1", site="harbour")
    site = await changed(client, "/v1/sites/harbour", time_zone="Asia/Kolkata")
    occupied = await client.delete("/v1/sites/harbour")
    await changed(client, "/v1/devices/pump-1", site="unassigned")
    removed = await client.delete("/v1/sites/harbour")
    back = await client.post("/v1/sites", json=HARBOUR)

    assert (201, '"1"') == (made.status_code, made.headers["ETag"])
    assert 409 == again.status_code
    assert ("Asia/Kolkata", 1) == (site["time_zone"], site["device_count"])
    assert "deleted ones included: 1;" in occupied.json()["detail"]
    assert (409, 204, 201) == (occupied.status_code, removed.status_code, back.status_code)
    assert ["time_zone"] * 3 == await requested(pool)
    versions = (await client.get("/v1/journal?entity=site&entity_id=harbour")).json()["events"]
    assert [4, 3, 2, 1] == [event["entity_version"] for event in versions]
    assert ["harbour", "unassigned"] == [
        each["slug"] for each in (await client.get("/v1/sites")).json()["sites"]
    ]


async def test_where_new_devices_land_stays(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/v1/sites/unassigned")

    assert (409, "conflict") == (answer.status_code, answer.json()["code"])


async def test_a_time_zone_must_be_one(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/sites", json={**HARBOUR, "time_zone": "Mars/Olympus"})

    assert (422, "invalid_request") == (answer.status_code, answer.json()["code"])
    assert "Europe/Berlin" in answer.json()["detail"]


async def test_the_journal_says_who_in_which_request(client: httpx.AsyncClient) -> None:
    await client.post("/v1/devices/pump-1/disable", headers={"X-Request-ID": "c0ffee"})

    [event] = (await client.get("/v1/journal?limit=1")).json()["events"]
    assert ("device_disabled", "c0ffee") == (event["type"], event["correlation_id"])
    assert event == (await client.get(f"/v1/journal/{event['position']}")).json()
    assert ["device_disabled"] == await types(client, f"actor={event['actor']}")
    assert ["device_disabled"] == await types(client, f"actor={event['actor'].split(':')[-1]}")
    assert [] == await types(client, "actor=nobody")


async def test_the_journal_is_read_backwards_in_pages_and_onwards(
    client: httpx.AsyncClient,
) -> None:
    newest_first = await types(client)
    paged: list[str] = []
    cursor = ""
    while True:
        page = (await client.get(f"/v1/journal?limit=2{cursor}")).json()
        paged += [event["type"] for event in page["events"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert newest_first == paged
    assert newest_first[::-1] == await types(client, "after=0")
    assert [] == await types(client, "until=2020-01-01")
    assert newest_first == await types(client, "since=2020-01-01")
    assert ["device_described"] == await types(client, "type=device_described")
    both = await client.get("/v1/journal?after=1&cursor=AAAA")
    assert 422 == both.status_code
    assert 404 == (await client.get("/v1/journal/999999")).status_code


async def test_a_path_names_all_methods_that_it_takes(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/devices/pump-1")

    assert (405, "DELETE, GET, PATCH") == (answer.status_code, answer.headers["Allow"])
