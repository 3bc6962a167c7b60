"""The resource `/v1/aggregates` on a real database: rollups that nobody has computed."""

from datetime import timedelta

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import AddDevice, AddReadings
from weir.testing.clock import START

pytestmark = pytest.mark.postgres

PATH = "/v1/aggregates"


@pytest.fixture(autouse=True)
async def readings(pool: asyncpg.Pool, add_device: AddDevice, add_readings: AddReadings) -> None:
    """Store two readings in one minute, of which there are no rollups at all."""
    await add_device("pump-1")
    await add_readings("pump-1", "pressure", {0: 1.5, 1: 2.5})
    await pool.execute(
        "INSERT INTO rollup_progress VALUES ('a stream', $1)", START + timedelta(minutes=30)
    )
    await pool.execute("INSERT INTO stream_offset VALUES ('measurements', 'a stream', 7)")


async def test_what_should_be_there_and_is_not_is_a_difference(client: httpx.AsyncClient) -> None:
    page = (await client.get(f"{PATH}/verification?serial=pump-1&field=pressure")).json()

    assert [
        {
            "level": "minute",
            "serial": "pump-1",
            "field": "pressure",
            "bucket": "2026-03-14T15:09:00.000000Z",
            "column": "count",
            "stored": None,
            "expected": 2,
        }
    ] == page["differences"]
    assert ["minute", "hour", "day", "site_day"] == [each["level"] for each in page["levels"]]
    assert (1, None, 1.0) == (
        page["levels"][0]["checked_count"],
        page["next_cursor"],
        page["done_share"],
    )
    assert "2026-03-14T15:38:00.000000Z" == page["settled_until"]


async def test_how_far_the_rollups_have_come_is_told(client: httpx.AsyncClient) -> None:
    assert {
        "rolled_until": "2026-03-14T15:39:26.000000Z",
        "settled_until": "2026-03-14T15:38:00.000000Z",
        "streams": [{"stream": "a stream", "written_offset": 7, "rolled_offset": 0}],
    } == (await client.get(f"{PATH}/progress")).json()


async def test_instants_and_infinite_sums_are_texts(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await pool.execute(
        "INSERT INTO rollup_minute SELECT series_id, $1, 2, 'Infinity', 1.5, 2.5, 1.5, $1, 2.5,"
        " $2, 8.5, 4, 0 FROM series",
        START.replace(second=0),
        START + timedelta(seconds=1),
    )
    found = (await client.get(f"{PATH}/verification")).json()["differences"]
    assert {
        "sum": ("inf", 4.0),
        "first_at": ("2026-03-14T15:09:00.000000Z", "2026-03-14T15:09:26.000000Z"),
    } == {each["column"]: (each["stored"], each["expected"]) for each in found}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("serial=nobody", 404),
        ("field=voltage", 404),
        ("since=1h&until=2h", 422),
        ("since=soon", 422),
        ("cursor=AAAA", 422),
        ("level=minute", 422),
    ],
)
async def test_what_cannot_be_verified_is_refused(
    client: httpx.AsyncClient, query: str, status: int
) -> None:
    assert status == (await client.get(f"{PATH}/verification?{query}")).status_code


@pytest.mark.parametrize(
    ("query", "status"), [("field=voltage", 404), ("serial=nobody", 404), ("until=2000-01-01", 422)]
)
async def test_what_cannot_be_rebuilt_is_refused(
    client: httpx.AsyncClient, query: str, status: int
) -> None:
    assert status == (await client.post(f"{PATH}/rebuilds?{query}")).status_code


async def test_open_rebuilds_are_listed_page_by_page(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    asked = [(await client.post(f"{PATH}/rebuilds?since=1d")).json() for _ in range(3)]
    await pool.execute(
        "UPDATE rollup_request SET since = '-infinity' WHERE request_id = $1", asked[0]["last_id"]
    )
    first = (await client.get(f"{PATH}/rebuilds?limit=2")).json()
    second = (await client.get(f"{PATH}/rebuilds?limit=2&cursor={first['next_cursor']}")).json()
    until_first = (await client.get(f"{PATH}/rebuilds?last_id={asked[0]['last_id']}")).json()

    assert [each["last_id"] for each in asked] == [
        each["request_id"] for page in (first, second) for each in page["rebuilds"]
    ]
    assert (3, 1, None) == (
        first["open_count"],
        until_first["open_count"],
        until_first["rebuilds"][0]["since"],
    )
    assert ("pump-1", "rebuild", None) == tuple(
        second["rebuilds"][0][name] for name in ("serial", "reason", "done_until")
    )
