"""`/v1/live/devices`: what happens to devices, each change once, with patience and with bounds."""

import asyncio
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from gateway.routers.device_watch import WAITING_MAX, waiting_place
from tests.integration.gateway.conftest import AddDevice

pytestmark = pytest.mark.postgres

PATH = "/v1/live/devices"


async def ask(client: httpx.AsyncClient, **query: Any) -> Any:
    response = await client.get(PATH, params=query)
    assert response.status_code == 200, response.text
    return response.json()


def told(answer: Any) -> list[tuple[str, str]]:
    return [(change["serial"], change["type"]) for change in answer["changes"]]


@pytest.fixture(autouse=True)
async def devices(add_device: AddDevice) -> None:
    for serial in ("pump-1", "pump-2"):
        await add_device(serial)


async def test_changes_are_given_once_from_the_position_of_the_last_answer(
    client: httpx.AsyncClient,
) -> None:
    start = (await ask(client))["position"]
    await client.post("/v1/devices/pump-1/disable")
    await client.post("/v1/devices/pump-2/disable")
    await client.post("/v1/sites", json={"slug": "harbour", "name": "Harbour"})
    await client.post("/v1/devices/pump-1/enable")
    expected = [
        ("pump-1", "device_disabled"),
        ("pump-2", "device_disabled"),
        ("pump-1", "device_enabled"),
    ]

    assert expected == told(await ask(client, after=start))
    assert expected[::2] == told(await ask(client, after=start, serial="pump-1"))
    found: list[tuple[str, str]] = []
    position = start
    for _ in range(4):
        page = await ask(client, after=position, limit=1)
        found, position = found + told(page), page["position"]
    assert expected == found
    assert {"changes": [], "position": position} == await ask(client, after=position)


async def test_an_answer_waits_for_something_to_tell(client: httpx.AsyncClient) -> None:
    start = (await ask(client))["position"]
    waiting = asyncio.create_task(ask(client, after=start, wait_s=20))

    await client.post("/v1/devices/pump-1/disable")

    assert [("pump-1", "device_disabled")] == told(await waiting)
    assert [] == told(await ask(client, after=start + 1_000, wait_s=0.1))


async def test_only_so_many_wait_at_once(client: httpx.AsyncClient) -> None:
    start = (await ask(client))["position"]
    with ExitStack() as others:
        for _ in range(WAITING_MAX):
            others.enter_context(waiting_place())
        assert 429 == (await client.get(PATH, params={"after": start})).status_code

    assert [] == told(await ask(client, after=start))


@pytest.mark.parametrize("query", ["after=-1", "wait_s=21", "limit=0", "serial=a%20b", "x=1"])
async def test_a_wrong_question_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert 422 == (await client.get(f"{PATH}?{query}")).status_code
