"""Deleting readings, from the request through the stream to the aggregates."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import httpx
import pytest

from gateway.context import Context
from tests.integration.aggregates.conftest import SERIAL, Device, projected
from tests.integration.dead_letters.post_office import ask_gateway
from tests.integration.dead_letters.test_commands import at_a_terminal
from tests.integration.gateway.test_server import Gateway
from tests.integration.runtime.pipeline import START_US, Pipeline
from weir.clock import SystemClock, from_us
from weir.errors import BrokerUnavailableError, WeirError
from weir.ports import KeptMessage, Republisher
from weir.rabbitmq.republisher import RabbitmqRepublisher, open_republisher
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

PATH = f"/v1/devices/{SERIAL}/deletions"
NOWHERE = "amqp://nobody:secret-of-nobody@127.0.0.1:1/"
ROLLED_TIMEOUT_S = 60.0


def window(first: int, end: int) -> dict[str, str]:
    """Give the window of the readings `first` to before `end`."""
    since, until = (from_us(START_US + n * 1_000_000) for n in (first, end))
    return {"since": since.isoformat(), "until": until.isoformat()}


async def stored(pipeline: Pipeline, count: int) -> None:
    async def are_so_many() -> bool:
        return await pipeline.count() == count

    await eventually(are_so_many)


async def rolled_up(pipeline: Pipeline, count: int) -> None:
    async def are_so_many() -> bool:
        return bool(await pipeline.pool.fetchval("SELECT sum(count) = $1 FROM rollup_day", count))

    await eventually(are_so_many, ROLLED_TIMEOUT_S)


async def applied(client: httpx.AsyncClient, deletion_id: str) -> dict[str, object]:
    async def answer() -> dict[str, object] | None:
        found = (await client.get(f"/v1/deletions/{deletion_id}")).json()
        return found if found["applied_at"] else None

    found = await eventually(answer)
    assert found
    return found


async def test_deleted_readings_are_gone_from_the_aggregates_too(
    client: httpx.AsyncClient, pipeline: Pipeline, device: Device
) -> None:
    async with projected(pipeline):
        await device.send(range(10))
        await stored(pipeline, 10)
        preview = (await client.get(f"{PATH}/preview", params=window(2, 5))).json()
        asked = await client.post(PATH, params={"field": "pressure", **window(2, 5)})
        found = await applied(client, asked.json()["deletion_id"])
        await rolled_up(pipeline, 7)

    assert 202 == asked.status_code
    assert asked.headers["location"] == f"/v1/deletions/{found['deletion_id']}"
    assert (3, 3) == (preview["reading_count"], found["deleted_count"])
    assert 7 == await pipeline.count()
    assert [found["actor"]] == [
        row["actor"]
        for row in await pipeline.pool.fetch(
            "SELECT actor FROM journal WHERE type = 'readings_deleted'"
        )
    ]


async def test_what_is_sent_before_is_deleted_and_what_is_sent_after_stays(
    client: httpx.AsyncClient, pipeline: Pipeline, device: Device
) -> None:
    async with pipeline.worker():
        await device.send([0])
        await stored(pipeline, 1)
    await device.send([1, 2])
    asked = (await client.post(PATH, params=window(0, 10))).json()
    await device.send([2, 3])
    async with pipeline.worker():
        found = await applied(client, asked["deletion_id"])
        await stored(pipeline, 2)
    assert 3 == found["deleted_count"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"field": "voltage", **window(0, 5)}, 404),
        (window(5, 5), 422),
        (window(5, 0), 422),
        ({"since": "1h"}, 422),
        ({"since": "1h", "until": "soon"}, 422),
    ],
)
async def test_what_cannot_be_deleted_is_refused(
    client: httpx.AsyncClient,
    pipeline: Pipeline,
    device: Device,
    query: dict[str, str],
    status: int,
) -> None:
    async with pipeline.worker():
        await device.send(range(3))
        await stored(pipeline, 3)
    answers = [
        await client.post(PATH, params=query),
        await client.get(f"{PATH}/preview", params=query),
    ]
    assert [status, status] == [answer.status_code for answer in answers]
    assert 0 == await pipeline.count("reading_deletion")


async def test_unknown_devices_and_deletions_are_not_found(client: httpx.AsyncClient) -> None:
    answers = [
        await client.post("/v1/devices/nobody/deletions", params=window(0, 5)),
        await client.get(f"/v1/deletions/{UUID(int=7)}"),
    ]
    assert [404, 404] == [answer.status_code for answer in answers]


async def test_without_a_broker_nothing_is_deleted_and_nothing_stays_asked_for(
    pipeline: Pipeline, device: Device
) -> None:
    async with pipeline.worker():
        await device.send(range(3))
        await stored(pipeline, 3)
    async with open_republisher(NOWHERE) as nowhere:
        answer = await ask_for_deletion(pipeline, nowhere)
    assert (503, "broker_unavailable") == (answer.status_code, answer.json()["code"])
    assert 0 == await pipeline.count("reading_deletion")


class Forgetful:
    """A way to the broker on which confirms are lost; waits for the writer if it is told to."""

    def __init__(self, republisher: RabbitmqRepublisher, pipeline: Pipeline) -> None:
        self._republisher = republisher
        self._pipeline = pipeline
        self.waits = False

    async def publish(self, messages: Sequence[KeptMessage]) -> list[WeirError | None]:
        await self._republisher.publish(messages)
        if self.waits:
            await stored(self._pipeline, 0)
        return [BrokerUnavailableError("the confirm was lost")]


async def ask_for_deletion(pipeline: Pipeline, republisher: Republisher) -> httpx.Response:
    context = Context(pipeline.pool, SystemClock(), "token", republisher)
    async with ask_gateway(context) as client:
        return await client.post(PATH, params=window(0, 10))


async def test_a_deletion_that_came_through_all_the_same_is_refused_when_it_was_withdrawn(
    pipeline: Pipeline, device: Device
) -> None:
    async with pipeline.worker():
        await device.send(range(3))
        await stored(pipeline, 3)
    answer = await ask_for_deletion(pipeline, Forgetful(device.republisher, pipeline))
    async with pipeline.worker():
        await eventually(lambda: pipeline.count("dead_letter"))
    assert (503, 3) == (answer.status_code, await pipeline.count())
    assert "unknown_deletion" == await pipeline.pool.fetchval("SELECT reason FROM dead_letter")


async def test_a_deletion_that_was_applied_before_its_confirm_was_lost_is_told_as_done(
    pipeline: Pipeline, device: Device
) -> None:
    async with pipeline.worker():
        await device.send(range(3))
        await stored(pipeline, 3)
        forgetful = Forgetful(device.republisher, pipeline)
        forgetful.waits = True
        answer = await ask_for_deletion(pipeline, forgetful)
    assert (202, 3) == (answer.status_code, answer.json()["deleted_count"])


async def test_a_person_is_asked_before_readings_are_deleted(
    pipeline: Pipeline, gateway: Gateway, device: Device
) -> None:
    arguments = ["readings", "delete", SERIAL]
    for name, instant in window(0, 4).items():
        arguments += [f"--{name}", instant]
    async with pipeline.worker():
        await device.send(range(10))
        await stored(pipeline, 10)
        asked_nobody = await asyncio.to_thread(gateway.iotctl, *arguments)
        refused = await asyncio.to_thread(at_a_terminal, gateway, b"n\n", *arguments)
        agreed = await asyncio.to_thread(at_a_terminal, gateway, b"y\n", *arguments)
        again = await asyncio.to_thread(gateway.iotctl, *arguments, "--yes")

    assert (2, 1, 0, 0) == tuple(each.returncode for each in (asked_nobody, refused, agreed, again))
    assert "delete 4 readings" in refused.stderr
    assert ["4 readings deleted", "0 readings deleted"] == [
        each.stdout.strip() for each in (agreed, again)
    ]
    assert 6 == await pipeline.count()
