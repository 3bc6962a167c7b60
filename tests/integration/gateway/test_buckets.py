"""The resource `/v1/readings` in buckets: what is computed, what is filled, and what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import AddDevice, AddReadings, at
from tests.integration.queries.filling import roll

pytestmark = pytest.mark.postgres

#: The clock of these tests stands at 15:09:26.
HOUR = datetime(2026, 3, 14, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def devices(add_device: AddDevice) -> None:
    await add_device("pump-1")
    await add_device("pump-2")


def since_hour(**values: float | str) -> dict[float, float | str]:
    """Give values by `mMM` or `mMM_SS` after 15 o'clock."""
    found: dict[float, float | str] = {}
    for name, value in values.items():
        minute, _, second = name.removeprefix("m").partition("_")
        instant = HOUR + timedelta(minutes=int(minute), seconds=int(second or 0))
        found[(instant - at(0)).total_seconds()] = value
    return found


async def get(client: httpx.AsyncClient, **query: Any) -> dict[str, Any]:
    response = await client.get("/v1/readings", params={"serial": "pump-1", **query})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def refused(client: httpx.AsyncClient, **query: Any) -> str:
    response = await client.get("/v1/readings", params={"serial": "pump-1", **query})
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    detail: str = response.json()["detail"]
    return detail


async def test_a_bucket_says_what_is_asked_of_it(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "pressure", since_hour(m0=1.0, m1=3.0, m5=7.0), "bar")

    page = await get(
        client, resolution="5m", since="1h", function=["avg", "count", "first", "last", "stddev"]
    )

    assert page == {
        "resolution": "5m",
        "time_zone": "UTC",
        "since": "2026-03-14T14:09:26.000000Z",
        "until": "2026-03-14T15:09:26.000000Z",
        "functions": ["avg", "count", "first", "last", "stddev"],
        "buckets": [
            {
                "serial": "pump-1",
                "field": "pressure",
                "unit": "bar",
                "bucket": "2026-03-14T15:00:00.000000Z",
                "avg": 2.0,
                "count": 2,
                "first": 1.0,
                "last": 3.0,
                "stddev": pytest.approx(2**0.5),
            },
            {
                "serial": "pump-1",
                "field": "pressure",
                "unit": "bar",
                "bucket": "2026-03-14T15:05:00.000000Z",
                "avg": 7.0,
                "count": 1,
                "first": 7.0,
                "last": 7.0,
                "stddev": None,
            },
        ],
        "next_cursor": None,
    }


async def test_the_edges_of_a_range_cut_buckets_exactly(
    client: httpx.AsyncClient, add_readings: AddReadings, pool: asyncpg.Pool
) -> None:
    await add_readings(
        "pump-1", "a", since_hour(m0=1.0, m1_29=2.0, m1_30=4.0, m4_14=8.0, m4_15=16.0)
    )
    async with pool.acquire() as connection:
        await roll(connection, HOUR + timedelta(minutes=8))

    page = await get(
        client,
        resolution="1h",
        since="2026-03-14T15:01:30Z",
        until="2026-03-14T15:04:15Z",
        function="sum",
    )

    assert [12.0] == [each["sum"] for each in page["buckets"]]


async def test_what_is_not_rolled_up_yet_is_read_raw(
    client: httpx.AsyncClient, add_readings: AddReadings, pool: asyncpg.Pool
) -> None:
    await add_readings("pump-1", "a", since_hour(m0=1.0, m3=2.0))
    async with pool.acquire() as connection:
        await roll(connection, HOUR + timedelta(minutes=6))
    await add_readings("pump-1", "a", since_hour(m5_30=4.0, m9=8.0))

    page = await get(client, resolution="1h", function=["sum", "count"])

    assert [(15.0, 4)] == [(each["sum"], each["count"]) for each in page["buckets"]]


@pytest.mark.parametrize(
    ("fill", "averages"),
    [
        ("none", [1.0, 4.0]),
        ("null", [None, 1.0, None, None, 4.0, None]),
        ("previous", [None, 1.0, 1.0, 1.0, 4.0, 4.0]),
        ("linear", [None, 1.0, 2.0, 3.0, 4.0, None]),
    ],
)
async def test_gaps_are_filled_as_asked(
    client: httpx.AsyncClient,
    add_readings: AddReadings,
    fill: str,
    averages: list[float | None],
) -> None:
    await add_readings("pump-1", "a", since_hour(m1=1.0, m4=4.0))

    page = await get(
        client,
        resolution="1m",
        fill=fill,
        since="2026-03-14T15:00:00Z",
        until="2026-03-14T15:06:00Z",
        function=["avg", "count"],
    )

    assert averages == [each["avg"] for each in page["buckets"]]
    if fill != "none":
        assert [0, 1, 0, 0, 1, 0] == [each["count"] for each in page["buckets"]]


@pytest.mark.parametrize("fill", ["none", "previous"])
@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_pages_give_every_bucket_once_and_in_order(
    client: httpx.AsyncClient, add_readings: AddReadings, fill: str, limit: int
) -> None:
    for serial, field in (("pump-1", "a"), ("pump-1", "b"), ("pump-2", "a")):
        await add_readings(serial, field, since_hour(m0=1.0, m3=2.0, m7=3.0))
    query: dict[str, Any] = {
        "serial": ["pump-1", "pump-2"],
        "resolution": "1m",
        "fill": fill,
        "since": "10m",
        "function": "last",
    }
    whole = await get(client, **query)
    found: list[Any] = []
    cursor = None
    while True:
        page = await get(client, **query, limit=limit, **({"cursor": cursor} if cursor else {}))
        found += page["buckets"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["buckets"]) == limit

    assert whole["buckets"] == found
    assert 9 <= len(found)


async def test_the_newest_buckets_are_given_oldest_first(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "a", since_hour(m0=1.0, m3=2.0, m7=3.0))

    page = await get(client, resolution="1m", newest=True, limit=2, function="last", since="1h")

    assert [2.0, 3.0] == [each["last"] for each in page["buckets"]]


async def test_a_pattern_takes_the_fields_that_have_the_function(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "motor/power", since_hour(m0=1.0))
    await add_readings("pump-1", "motor/speed", since_hour(m0=2.0))
    await add_readings("pump-1", "motor/state", since_hour(m0="on"))
    await add_readings("pump-1", "other", since_hour(m0=9.0))

    page = await get(client, resolution="1h", field="motor/*", function="max")

    assert ["motor/power", "motor/speed"] == [each["field"] for each in page["buckets"]]


async def test_texts_are_counted_and_have_a_first_and_a_last(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "state", since_hour(m0="off", m1="on", m2="tripped"))

    page = await get(client, resolution="1h", field="state")

    (bucket,) = page["buckets"]
    assert (3, "off", "tripped") == (bucket["count"], bucket["first"], bucket["last"])


async def test_a_counter_that_is_set_to_zero_goes_on_rising(
    client: httpx.AsyncClient, add_readings: AddReadings, pool: asyncpg.Pool
) -> None:
    await add_readings("pump-1", "energy", since_hour(m0=100.0, m1=110.0, m6=5.0, m7=8.0))
    await pool.execute("UPDATE series SET kind = 'total_increasing'")

    page = await get(client, resolution="5m", field="energy", function="rise")

    assert [10.0, 8.0] == [each["rise"] for each in page["buckets"]]


async def test_auto_gives_readings_where_they_are_few_and_buckets_where_not(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    readings = {-60.0 * minute: float(minute) for minute in range(1, 120)}
    await add_readings("pump-1", "a", dict(readings))

    assert "raw" == (await get(client, resolution="auto", since="2h"))["resolution"]
    assert "1m" == (await get(client, resolution="auto", since="2h", function="avg"))["resolution"]
    page = await get(client, resolution="auto", since="2h", max_points=30)
    assert "5m" == page["resolution"]
    assert 20 < len(page["buckets"]) <= 30


async def test_auto_is_read_page_by_page_whatever_it_gives(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    await add_readings("pump-1", "a", since_hour(m0=1.0, m1=2.0, m2=3.0))

    for query in ({}, {"function": "last"}):
        page = await get(client, resolution="auto", since="1h", limit=2, **query)
        rest = await get(
            client, resolution="auto", since="1h", limit=2, cursor=page["next_cursor"], **query
        )
        values = [
            each.get("value", each.get("last"))
            for answer in (page, rest)
            for each in answer.get("readings", []) + answer.get("buckets", [])
        ]
        assert [1.0, 2.0, 3.0] == values


async def test_a_shape_keeps_the_extremes_of_raw_readings(
    client: httpx.AsyncClient, add_readings: AddReadings
) -> None:
    readings = {float(second): float(second % 7) for second in range(-1_000, 0)}
    readings[-321.0] = 500.0
    await add_readings("pump-1", "a", dict(readings))

    page = await get(client, resolution="raw", max_points=20, since="1h")

    values = [each["value"] for each in page["readings"]]
    assert len(values) == 20
    assert 500.0 in values
    assert readings[-1_000.0] == values[0]


async def test_days_of_the_site_begin_at_its_midnight(
    client: httpx.AsyncClient, add_readings: AddReadings, pool: asyncpg.Pool
) -> None:
    await pool.execute("UPDATE site SET time_zone = 'Asia/Kolkata'")
    # 18:29 and 18:31 UTC of the day before, on both sides of midnight in Kolkata.
    await add_readings("pump-1", "a", {-74_426.0: 1.0, -74_306.0: 2.0})

    page = await get(client, resolution="1d", time_zone="site", since="2d", function="sum")

    assert [
        ("2026-03-12T18:30:00.000000Z", 1.0),
        ("2026-03-13T18:30:00.000000Z", 2.0),
    ] == [(each["bucket"], each["sum"]) for each in page["buckets"]]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"since": "1h", "until": "2h"}, ["query.until", "not after"]),
        ({"since": "1999-12-31"}, ["query.since", "2000-01-01"]),
        ({"since": "2000-01-01", "until": "2150-01-01"}, ["100 years"]),
        ({"resolution": "7m"}, ["query.resolution", "'raw'", "'15m'", "'1d'"]),
        ({"resolution": "1h", "function": "median"}, ["query.function", "'avg'", "'rise'"]),
        ({"function": "avg"}, ["query.function", "resolution"]),
        ({"fill": "null"}, ["query.fill", "resolution"]),
        ({"resolution": "1h", "time_zone": "site"}, ["query.time_zone", "1d"]),
        ({"max_points": 2}, ["query.max_points", "3"]),
        ({"max_points": 100_001}, ["query.max_points", "100000"]),
        ({"resolution": "1h", "max_points": 10}, ["query.max_points", "auto"]),
        ({"format": "xlsx"}, ["query.format", "csv", "parquet"]),
        ({"format": "csv", "limit": 10}, ["query.limit", "JSON"]),
        ({"resolution": "1h", "cursor": "abc"}, ["cursor"]),
        ({"resolution": "1m", "fill": "null", "since": "800d"}, ["query.fill", "1000000"]),
        ({"resolution": "1h", "field": "a", "function": "rise"}, ["gauge", "rise", "avg"]),
        ({"resolution": "1h", "field": "state", "function": "avg"}, ["text", "count, first, last"]),
        ({"resolution": "1h", "field": ["a", "state"], "function": "last"}, ["one at a time"]),
    ],
)
async def test_a_wrong_question_is_refused_with_what_is_allowed(
    client: httpx.AsyncClient, add_readings: AddReadings, query: dict[str, Any], words: list[str]
) -> None:
    await add_readings("pump-1", "a", since_hour(m0=1.0))
    await add_readings("pump-1", "state", since_hour(m0="on"))

    detail = await refused(client, **query)

    assert [] == [word for word in words if word not in detail], detail


async def test_what_is_not_kept_is_refused_with_what_is(
    client: httpx.AsyncClient, add_readings: AddReadings, pool: asyncpg.Pool
) -> None:
    await add_readings("pump-1", "a", {-86_400.0 * 3: 1.0, -60.0: 2.0})
    async with pool.acquire() as connection:
        await roll(connection, at(-600))
    await pool.execute(
        "INSERT INTO series_kept (series_id, raw_from, minute_from) "
        "SELECT series_id, '2026-03-14', '2026-03-13' FROM series"
    )

    for query in (
        {"resolution": "1h", "since": "2026-03-10T00:00:30Z"},
        {"resolution": "1m", "since": "2026-03-10"},
    ):
        detail = await refused(client, function="avg", **query)
        assert "1m from 2026-03-13T00:00:00Z on" in detail
        assert "1h for ever" in detail
    detail = await refused(client, since="2026-03-01", until="2026-03-12")
    assert "no raw readings left" in detail
    raw = await get(client, since="2026-03-01")
    assert "2026-03-14T00:00:00.000000Z" == raw["kept_from"]
    # A time ago is not meant to the microsecond: it begins where there is something left.
    page = await get(client, resolution="1h", since="5d", function="count")
    assert "2026-03-09T15:00:00.000000Z" == page["since"]
    assert [1, 1] == [each["count"] for each in page["buckets"]]
    page = await get(client, resolution="1h", since="5d", until="47h", function="count")
    assert "2026-03-12T16:00:00.000000Z" == page["until"]
