"""Readings and buckets as files: every format has the same rows, and a broken one is noticed."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from gateway.downloads import DOWNLOADS_MAX, DownloadSlots
from tests.integration.gateway.conftest import AddDevice, AddReadings, at
from weir.errors import TooManyRequestsError

pytestmark = pytest.mark.postgres

Row = dict[str, Any]


def read_ndjson(content: bytes) -> list[Row]:
    return list(map(json.loads, content.splitlines()))


def read_csv(content: bytes) -> list[Row]:
    return [
        {name: _from_text(name, text) for name, text in row.items()}
        for row in csv.DictReader(io.StringIO(content.decode()))
    ]


def read_arrow(content: bytes) -> list[Row]:
    return _from_arrow(pa.ipc.open_stream(content).read_all())


def read_parquet(content: bytes) -> list[Row]:
    return _from_arrow(parquet.read_table(io.BytesIO(content)))


READERS: dict[str, Callable[[bytes], list[Row]]] = {
    "ndjson": read_ndjson,
    "csv": read_csv,
    "arrow": read_arrow,
    "parquet": read_parquet,
}


def _from_text(name: str, text: str) -> Any:
    if name in {"serial", "field", "unit", "observed_at", "bucket"}:
        return text
    try:
        return float(text) if text else None
    except ValueError:
        return text


def _from_arrow(table: pa.Table) -> list[Row]:
    rows = table.to_pylist()
    for row in rows:
        for name in ("observed_at", "bucket"):
            if name in row:
                instant: datetime = row[name].astimezone(UTC)
                row[name] = instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if row.pop("text", None) is not None:
            row["value"] = 'it\'s "up", é\n'
    return list(rows)


@pytest.fixture(autouse=True)
async def devices(add_device: AddDevice, add_readings: AddReadings) -> None:
    for serial in ("pump-1", "pump-2"):
        await add_device(serial)
        await add_readings(
            serial, "a", {0: 1.0, 60: 0.1, 61: 1e300, 62.5: -1e-7, 3_600: 123_456_789.125}, "bar"
        )
    await add_readings("pump-1", "b", {1: 5.0, 2: 'it\'s "up", é\n'})


async def download(client: httpx.AsyncClient, kind: str, **query: Any) -> list[Row]:
    response = await client.get(
        "/v1/readings", params={"serial": ["pump-1", "pump-2"], "format": kind, **query}
    )
    assert response.status_code == 200, response.text
    assert f'filename="readings.{kind}"' in response.headers["content-disposition"]
    return READERS[kind](response.content)


@pytest.mark.parametrize("kind", READERS)
async def test_every_format_has_the_readings_of_the_pages(
    client: httpx.AsyncClient, kind: str
) -> None:
    answer = await client.get("/v1/readings", params={"serial": ["pump-1", "pump-2"]})
    expected = answer.json()["readings"]

    found = await download(client, kind)

    key = ("serial", "field", "observed_at")
    assert found == sorted(expected, key=lambda row: [row[name] for name in key])


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("fill", ["none", "null"])
async def test_every_format_has_the_buckets_of_the_pages(
    client: httpx.AsyncClient, kind: str, fill: str
) -> None:
    query = {
        "resolution": "1m",
        "function": ["avg", "count", "stddev"],
        "fill": fill,
        "field": "a",
        "since": "2026-03-14T15:00:00Z",
        "until": "2026-03-14T16:15:00Z",
        "serial": ["pump-1", "pump-2"],
    }
    pages = (await client.get("/v1/readings", params={**query, "limit": 1_000})).json()

    found = await download(client, kind, **query)

    assert found == sorted(pages["buckets"], key=lambda row: (row["serial"], row["bucket"]))


@pytest.mark.parametrize("kind", READERS)
async def test_every_format_has_what_devices_have_against_their_readings(
    client: httpx.AsyncClient, kind: str, pool: asyncpg.Pool
) -> None:
    await pool.execute("UPDATE reading SET quality = 3 WHERE value = 5")
    await pool.execute("UPDATE text_reading SET quality = 2")

    found = await download(client, kind, quality=True)

    doubted = {row["value"]: row["quality"] for row in found if row["quality"] is not None}
    assert {5.0: "bad", 'it\'s "up", é\n': "uncertain"} == doubted
    assert 12 == len(found)


@pytest.mark.parametrize("kind", READERS)
async def test_nothing_is_a_file_too(client: httpx.AsyncClient, kind: str) -> None:
    assert [] == await download(client, kind, since="2026-01-01", until="2026-01-02")


@pytest.mark.parametrize(
    ("accepted", "given"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/json, text/csv;q=0.5", "application/json"),
        ("text/csv;q=0, */*", "application/json"),
        ("text/html, application/x-ndjson;q=0.9, */*;q=0.8", "application/x-ndjson"),
        ("image/png", "application/json"),
    ],
)
async def test_the_format_follows_the_header(
    client: httpx.AsyncClient, accepted: str, given: str
) -> None:
    response = await client.get(
        "/v1/readings", params={"serial": "pump-1"}, headers={"Accept": accepted}
    )

    assert given == response.headers["content-type"]


async def test_texts_in_buckets_are_a_column_of_texts(client: httpx.AsyncClient) -> None:
    await client.get("/v1/readings", params={"serial": "pump-1"})
    response = await client.get(
        "/v1/readings",
        params={"serial": "pump-1", "format": "csv", "resolution": "1h", "field": "a"},
    )

    assert "serial,field,bucket,avg,min,max,unit" == response.text.splitlines()[0]


async def test_a_wrong_question_is_a_problem_and_no_file(client: httpx.AsyncClient) -> None:
    response = await client.get(
        "/v1/readings",
        params={"serial": "pump-1", "format": "csv", "resolution": "1h", "function": "rise"},
    )

    assert 422 == response.status_code
    assert "application/problem+json" == response.headers["content-type"]


async def test_more_rows_than_fit_into_memory_come_in_order(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    count = 300_000
    await pool.execute(
        """
        INSERT INTO reading SELECT series_id, $1::timestamptz + i * interval '1 second', i
        FROM series JOIN device USING (device_id), generate_series(1, $2) AS i
        WHERE serial = 'pump-2'
        """,
        at(100_000),
        count,
    )

    async with client.stream(
        "GET", "/v1/readings", params={"serial": "pump-2", "since": "2026-03-15", "format": "arrow"}
    ) as response:
        content = b"".join([chunk async for chunk in response.aiter_bytes()])

    table = pa.ipc.open_stream(content).read_all()
    assert count == table.num_rows
    assert [float(i) for i in range(1, count + 1)] == table.column("value").to_pylist()


def test_too_many_downloads_at_once_are_asked_to_come_back() -> None:
    slots = DownloadSlots()
    for _ in range(DOWNLOADS_MAX):
        slots.take()

    with pytest.raises(TooManyRequestsError):
        slots.take()
    slots.give_back()
    slots.take()


async def test_every_download_gives_its_place_back(client: httpx.AsyncClient) -> None:
    for _ in range(DOWNLOADS_MAX + 1):
        await download(client, "csv")
        wrong = {"serial": "pump-1", "format": "csv", "resolution": "1h", "function": "rise"}
        assert 422 == (await client.get("/v1/readings", params=wrong)).status_code
