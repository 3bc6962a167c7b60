"""The resource `/v1/locations` on a real database: windows, pages, GeoJSON, the latest."""

import io
import json
from typing import Any

import asyncpg
import httpx
import pyarrow.parquet as pq
import pytest

from tests.integration.gateway.conftest import AddDevice
from tests.integration.gateway.occurrences import add_locations
from weir.model.location import Fix

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
async def devices(add_device: AddDevice) -> None:
    for serial in ("van-1", "van-2", "van-3"):
        await add_device(serial)


async def get(client: httpx.AsyncClient, path: str = "", **query: Any) -> dict[str, Any]:
    response = await client.get(f"/v1/locations{path}", params=query)
    assert 200 == response.status_code, response.text
    answer: dict[str, Any] = response.json()
    return answer


def seen(page: dict[str, Any]) -> list[tuple[str, float]]:
    return [(each["serial"], each["latitude_deg"]) for each in page["locations"]]


async def test_a_location_is_given_as_the_device_told_it(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await add_locations(pool, "van-1", [(0, 53.55, 9.99)], altitude_m=12.3, speed_mps=0.1)

    page = await get(client, serial="van-1")

    expected = {
        "serial": "van-1",
        "observed_at": "2026-03-14T15:09:26.000000Z",
        "latitude_deg": 53.55,
        "longitude_deg": 9.99,
        "altitude_m": 12.3,
        "speed_mps": 0.1,
        "heading_deg": None,
        "fix": "3d",
    }
    assert {"locations": [expected], "next_cursor": None} == page


async def test_pages_give_every_location_once_and_in_order(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    for serial, first in (("van-1", 0), ("van-2", 3), ("van-3", 5)):
        await add_locations(pool, serial, [(n, n, 0.0) for n in range(first, first + 8)])
    expected = sorted(
        (n, serial)
        for serial, first in (("van-1", 0), ("van-3", 5))
        for n in range(first, first + 8)
    )
    for limit in (1, 3, 15, 16, 100):
        found = []
        query: dict[str, Any] = {"serial": ["van-3", "van-1"], "limit": limit}
        while True:
            page = await get(client, **query)
            found += seen(page)
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert expected == [(n, serial) for serial, n in found]


async def test_a_window_and_its_newest(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    await add_locations(pool, "van-1", [(n, n, 0.0) for n in range(9)])

    window = {"since": "2026-03-14T15:09:28Z", "until": "2026-03-14T15:09:32Z", "serial": "van-1"}

    assert [2, 3, 4, 5] == [n for _, n in seen(await get(client, **window))]
    newest = await get(client, **window, newest=True, limit=2)
    assert [4, 5] == [n for _, n in seen(newest)]


async def test_a_window_is_downloaded_whole(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    await add_locations(pool, "van-1", [(n, n, 0.5) for n in range(3)], altitude_m=1.1)

    query: dict[str, Any] = {"serial": "van-1", "limit": 1}
    table = await client.get("/v1/locations", params={**query, "format": "parquet"})
    lines = (await client.get("/v1/locations", params={**query, "format": "ndjson"})).text

    rows = pq.read_table(io.BytesIO(table.content)).to_pylist()
    assert [(0.0, 1.1, None), (1.0, 1.1, None), (2.0, 1.1, None)] == [
        (row["latitude_deg"], row["altitude_m"], row["speed_mps"]) for row in rows
    ]
    assert ["3d"] * 3 == [json.loads(line)["fix"] for line in lines.splitlines()]


async def test_points_are_geojson(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    await add_locations(pool, "van-1", [(0, 53.5, 9.5), (1, 53.6, 9.6)], altitude_m=7.0)

    response = await client.get(
        "/v1/locations", params={"serial": "van-1", "shape": "points", "limit": 1}
    )

    assert "application/geo+json" == response.headers["content-type"]
    collection = response.json()
    assert "FeatureCollection" == collection["type"]
    (feature,) = collection["features"]
    assert {"type": "Point", "coordinates": [9.5, 53.5, 7.0]} == feature["geometry"]
    assert "van-1" == feature["properties"]["serial"]
    assert collection["next_cursor"]


async def test_a_track_is_a_line_for_each_device(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await add_locations(pool, "van-1", [(0, 1.0, 10.0), (2, 2.0, 20.0)])
    await add_locations(pool, "van-2", [(1, 5.0, 50.0)])
    await add_locations(pool, "van-2", [(3, 9.0, 90.0)], fix=Fix.NONE)

    collection = await get(client, serial=["van-1", "van-2", "van-3"], shape="track")

    line, point = collection["features"]
    assert {"type": "LineString", "coordinates": [[10.0, 1.0], [20.0, 2.0]]} == line["geometry"]
    assert "2026-03-14T15:09:28.000000Z" == line["properties"]["until"]
    assert {"type": "Point", "coordinates": [50.0, 5.0]} == point["geometry"]


async def test_the_latest_of_each_device_is_given_by_serial(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await add_locations(pool, "van-2", [(0, 1.0, 0.0), (9, 2.0, 0.0)])
    await add_locations(pool, "van-1", [(5, 3.0, 0.0)])

    first = await get(client, "/latest", limit=1)
    second = await get(client, "/latest", limit=1, cursor=first["next_cursor"])

    assert [("van-1", 3.0), ("van-2", 2.0)] == seen(first) + seen(second)
    assert second["next_cursor"] is None
    assert [("van-2", 2.0)] == seen(await get(client, "/latest", serial=["van-2", "van-3"]))
    points = await get(client, "/latest", shape="points")
    assert ["van-1", "van-2"] == [each["properties"]["serial"] for each in points["features"]]


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("", {}, 422, "query.serial: Field required"),
        ("", {"serial": "nobody"}, 404, "no device has the serial 'nobody'"),
        ("", {"serial": "van-1", "shape": "circle"}, 422, "'rows', 'points' or 'track'"),
        ("", {"serial": "van-1", "since": "now", "until": "1h"}, 422, "is after until"),
        ("", {"serial": "van-1", "shape": "track", "format": "csv"}, 422, "goes with shape=rows"),
        ("", {"serial": "van-1", "limit": 10_001}, 422, "query.limit"),
        ("", {"serial": "van-1", "cursor": "bm9uc2Vuc2U"}, 422, "not a cursor of this list"),
        ("/latest", {"shape": "track"}, 422, "is no track"),
    ],
)
async def test_what_is_wrong_with_a_query_is_said(
    client: httpx.AsyncClient, path: str, query: dict[str, Any], status: int, words: str
) -> None:
    response = await client.get(f"/v1/locations{path}", params=query)

    assert (status, True) == (response.status_code, words in response.json()["detail"]), (
        response.text
    )
