"""A device that is disabled or deleted: what it sends is kept, and stored when it is let in."""

import httpx
import pytest

from tests.integration.dead_letters.post_office import KEY, PostOffice
from tests.integration.runtime.pipeline import Pipeline, body
from weir.ports import KeptMessage
from weir.rabbitmq.republisher import RabbitmqRepublisher, open_republisher
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

DEVICE = "/v1/devices/pump-1"


#: How a device is shut out, and let in again, by the reason of what is kept.
WAYS = {
    "device_disabled": (("POST", f"{DEVICE}/disable"), f"{DEVICE}/enable"),
    "device_deleted": (("DELETE", DEVICE), f"{DEVICE}/undelete"),
}


@pytest.mark.parametrize("reason", WAYS)
async def test_what_is_sent_meanwhile_is_kept_and_stored_when_it_is_replayed(
    client: httpx.AsyncClient,
    pipeline: Pipeline,
    post_office: PostOffice,
    reason: str,
) -> None:
    shut_out, let_in = WAYS[reason]
    async with open_republisher(pipeline.broker.amqp_url) as device, pipeline.worker():
        await send(device, 0)
        await eventually(lambda: stored(pipeline, 1))
        assert (await client.request(*shut_out)).is_success
        sequence = await send_until_kept(device, post_office)
        await eventually(lambda: settled_all(pipeline, post_office, sequence + 1))
        kept_count = len(await post_office.states())
        assert (await client.post(let_in)).is_success
        settled = (await client.post(f"/v1/dead-letters/replay?reason={reason}")).json()
        await send(device, sequence + 1)
        await eventually(lambda: stored(pipeline, sequence + 2))

    assert {"replayed"} == set(await post_office.states())
    assert (kept_count, 0) == (settled["settled_count"], settled["left_count"])


async def send_until_kept(device: RabbitmqRepublisher, post_office: PostOffice) -> int:
    """Send one batch after the other until one is kept aside; gives the number of the last."""
    sequence = 0

    async def is_kept() -> bool:
        nonlocal sequence
        sequence += 1
        await send(device, sequence)
        return len(await post_office.states()) > 0

    await eventually(is_kept)
    return sequence


async def send(device: RabbitmqRepublisher, sequence: int) -> None:
    content = body(sequence, [float(sequence)])
    assert [None] == await device.publish([KeptMessage(KEY, {}, content)])


async def settled_all(pipeline: Pipeline, post_office: PostOffice, count: int) -> bool:
    """Whether everything that was sent is either stored or kept."""
    return await pipeline.count() + len(await post_office.states()) == count


async def stored(pipeline: Pipeline, count: int) -> bool:
    return await pipeline.count() == count
