"""A device that waits for approval: what it sent is stored when it is let in, all of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from consumers.measurements import Measurements
from tests.integration.dead_letters.post_office import KEY, PostOffice
from tests.integration.runtime.pipeline import Pipeline, body
from weir.bootstrap import make_ports
from weir.config import Settings
from weir.consumer import Ports
from weir.ports import KeptMessage
from weir.postgres.pool import open_pool
from weir.rabbitmq.republisher import RabbitmqRepublisher, open_republisher
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

APPROVAL = Settings.from_env({"WEIR_ENROLMENT_POLICY": "approval"})
APPROVE = "/v1/devices/pump-1/approve"


@asynccontextmanager
async def careful_worker(pipeline: Pipeline) -> AsyncIterator[None]:
    async with open_pool(pipeline.database_url) as pool:

        def measurements(_: Ports) -> Measurements:
            return Measurements(make_ports(APPROVAL, pool))

        async with pipeline.worker(measurements):
            yield


async def send(republisher: RabbitmqRepublisher, *sequences: int) -> None:
    """Publish batches of one reading each, as a device would."""
    for sequence in sequences:
        content = body(sequence, [float(sequence)])
        assert [None] == await republisher.publish([KeptMessage(KEY, {}, content)])


async def test_what_waited_is_stored_and_nothing_is_left(
    client: httpx.AsyncClient, pipeline: Pipeline, post_office: PostOffice
) -> None:
    async with open_republisher(pipeline.broker.amqp_url) as device, careful_worker(pipeline):
        await send(device, *range(5))
        await eventually(lambda: kept(post_office, 5))
        assert 0 == await pipeline.count()
        await post_office.published()

        first = (await client.post(f"{APPROVE}?limit=3")).json()
        second = (await client.post(APPROVE)).json()
        third = (await client.post(APPROVE)).json()
        await eventually(lambda: stored(pipeline, 5))

    expected = [(True, 3, 2), (False, 2, 0), (False, 0, 0)]
    assert expected == [
        (each["was_pending"], each["settled_count"], each["left_count"])
        for each in (first, second, third)
    ]
    assert ["replayed"] * 5 == await post_office.states()
    assert [body(n, [float(n)]) for n in range(5)] == await post_office.published_bodies()
    assert "active" == (await client.get("/v1/devices/pump-1")).json()["state"]


async def test_nothing_is_left_behind_when_a_device_goes_on_sending(
    client: httpx.AsyncClient, pipeline: Pipeline, post_office: PostOffice
) -> None:
    async with open_republisher(pipeline.broker.amqp_url) as device, careful_worker(pipeline):
        await send(device, *range(20))
        await eventually(lambda: kept(post_office, 1))
        sending = asyncio.create_task(send(device, *range(20, 200)))
        while (await client.post(f"{APPROVE}?limit=7")).json()["left_count"]:
            pass
        await sending
        await eventually(lambda: stored(pipeline, 200))

    assert {"replayed"} == set(await post_office.states())


async def test_an_unknown_device_is_not_approved(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/devices/nobody/approve")

    assert (404, "not_found") == (answer.status_code, answer.json()["code"])


async def kept(post_office: PostOffice, count: int) -> bool:
    return len(await post_office.states()) >= count


async def stored(pipeline: Pipeline, count: int) -> bool:
    return await pipeline.count() == count
