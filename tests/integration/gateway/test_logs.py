"""The resource `/v1/logs` on a real database: windows, filters, pages, and following."""

from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import AddDevice, at
from weir.clock import to_us
from weir.model.device_log import Level, LogBatch, LogEntry
from weir.model.log_limit import LogPolicy
from weir.ports import Checkpoint
from weir.postgres.device_logs import PostgresDeviceLogStore
from weir.testing.clock import ManualClock

pytestmark = pytest.mark.postgres


class LogWriter:
    """Stores lines as the consumer does, each in a commit of its own."""

    def __init__(self, pool: asyncpg.Pool, clock: ManualClock) -> None:
        self.store = PostgresDeviceLogStore(pool, LogPolicy(), clock=clock)
        self.offset = 0

    async def write(self, serial: str, second: float, message: str, **more: Any) -> None:
        level = more.pop("level", Level.INFO)
        entry = LogEntry(to_us(at(second)), level, message, more)
        batch = LogBatch(serial, self.offset, to_us(at(60)), 7, [entry])
        start = Checkpoint("logs", "sensor.all.logs", self.offset)
        await self.store.append(start, self.offset + 1, [batch], [])
        self.offset += 1


@pytest.fixture
async def writer(pool: asyncpg.Pool, clock: ManualClock, add_device: AddDevice) -> LogWriter:
    for serial in ("house-1", "house-2"):
        await add_device(serial)
    writer = LogWriter(pool, clock)
    await writer.write("house-1", 2, "second")
    await writer.write("house-1", 1, "first", level=Level.WARNING, rpm="100% of_all")
    await writer.write("house-2", 3, "third: Dry Run", level=Level.ERROR)
    return writer


async def get(client: httpx.AsyncClient, path: str = "/v1/logs", **query: Any) -> dict[str, Any]:
    response = await client.get(path, params=query)
    assert 200 == response.status_code, response.text
    answer: dict[str, Any] = response.json()
    return answer


def messages(page: dict[str, Any]) -> list[str]:
    return [line["message"] for line in page["logs"]]


#: In tables of one test each: a database of its own for each question takes more than the question.
WANTED: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["first", "second", "third: Dry Run"]),
    ({"since": "2026-03-14T15:09:28Z"}, ["second", "third: Dry Run"]),
    ({"until": "2026-03-14T15:09:28Z"}, ["first"]),
    ({"serial": "house-1"}, ["first", "second"]),
    ({"level": "warning"}, ["first", "third: Dry Run"]),
    ({"text": "dry run"}, ["third: Dry Run"]),
    ({"text": "0% of_a"}, ["first"]),
    ({"text": "f_all"}, ["first"]),
    ({"text": "%"}, ["first"]),
    ({"text": "f_rst"}, []),
    ({"newest": True, "limit": 2}, ["second", "third: Dry Run"]),
    ({"limit": 2}, ["first", "second"]),
]
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("/v1/logs", {"serial": "nobody"}, 404, "no device has the serial 'nobody'"),
    ("/v1/devices/nobody/logs", {}, 404, "no device has the serial 'nobody'"),
    ("/v1/devices/no%20body/logs", {}, 422, "path.serial"),
    ("/v1/logs", {"level": "loud"}, 422, "query.level"),
    ("/v1/logs", {"limit": 1_001}, 422, "query.limit"),
    ("/v1/logs", {"text": "x" * 201}, 422, "query.text"),
    ("/v1/logs", {"since": "2d", "until": "3d"}, 422, "is after until"),
    ("/v1/logs", {"newest": True, "cursor": "abc"}, 422, "one page only"),
    ("/v1/logs", {"cursor": "abc"}, 422, "cursor"),
    ("/v1/logs/tail", {"cursor": "abc"}, 422, "cursor"),
    ("/v1/logs/tail", {"until": "1h"}, 422, "query.until"),
]


@pytest.mark.usefixtures("writer")
async def test_lines_are_given_by_time_as_the_query_wants(client: httpx.AsyncClient) -> None:
    assert WANTED == [(query, messages(await get(client, **query))) for query, _ in WANTED]


async def test_a_line_says_who_wrote_it_and_when(
    client: httpx.AsyncClient, writer: LogWriter
) -> None:
    await writer.write("house-2", -1e9, "lost its clock", rpm="1")
    page = await get(client, "/v1/devices/house-2/logs", newest=True, limit=1)
    assert {
        "serial": "house-2",
        "placed_at": "2026-03-14T15:10:26.000000Z",
        "level": "info",
        "message": "lost its clock",
        "attributes": {"rpm": "1"},
        "logged_at": "1994-07-06T13:22:46.000000Z",
        "received_at": "2026-03-14T15:10:26.000000Z",
    } == page["logs"][0]


async def test_a_window_is_read_page_by_page(client: httpx.AsyncClient, writer: LogWriter) -> None:
    for number in range(5):
        await writer.write("house-2", 2, f"same instant {number}")
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3, "until": "2026-03-14T15:09:29Z"}
    while True:
        page = await get(client, **query)
        seen += messages(page)
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert ["first", "second", *(f"same instant {number}" for number in range(5))] == seen


@pytest.mark.parametrize("path", ["/v1/logs/tail", "/v1/devices/house-1/logs/tail"])
async def test_following_skips_nothing_and_repeats_nothing(
    client: httpx.AsyncClient, writer: LogWriter, path: str
) -> None:
    page = await get(client, path, limit=1, level="info")
    assert 1 == len(page["logs"])
    query = {"limit": 2, "level": "info"}
    await writer.write("house-1", -3600, "late")
    await writer.write("house-1", 9, "noise", level=Level.DEBUG)
    await writer.write("house-1", 9, "then")
    await writer.write("house-1", 9, "last")
    first = await get(client, path, **query, cursor=page["cursor"])
    second = await get(client, path, **query, cursor=first["cursor"])
    third = await get(client, path, **query, cursor=second["cursor"])
    assert [["late", "then"], ["last"], []] == [messages(each) for each in (first, second, third)]
    assert second["cursor"] == third["cursor"]


@pytest.mark.usefixtures("writer")
async def test_following_an_empty_log_begins_with_its_first_line(
    client: httpx.AsyncClient, pool: asyncpg.Pool, writer: LogWriter
) -> None:
    await pool.execute("TRUNCATE device_log")
    page = await get(client, "/v1/logs/tail")
    assert [] == page["logs"]
    await writer.write("house-2", 9, "now")
    assert ["now"] == messages(await get(client, "/v1/logs/tail", cursor=page["cursor"]))


async def test_what_cannot_be_answered_says_why(client: httpx.AsyncClient) -> None:
    for path, query, status, detail in REFUSED:
        response = await client.get(path, params=query)
        assert (status, True) == (response.status_code, detail in response.json()["detail"]), query
        assert "application/problem+json" == response.headers["content-type"]
