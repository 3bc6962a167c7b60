"""A message that kills its reader is set aside alone, not with those handed out beside it."""

import asyncio
import sys

import pytest

from tests.integration.rabbitmq.publishing import take_one
from tests.integration.runtime.queue_line import QueueLine
from weir.model.names import DEAD_LETTER_QUEUE, REGISTRY_QUEUE
from weir.paths import ROOT
from weir.rabbitmq.topology import DELIVERY_COUNT_MAX
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

MODULE = "tests.integration.runtime.fragile_reader"
INNOCENT_COUNT = 30


async def test_poison_is_set_aside_alone(queue_line: QueueLine) -> None:
    innocent = [str(number).encode() for number in range(INNOCENT_COUNT)]
    await queue_line.publish(*innocent[:10], b"poison", *innocent[10:])

    handled: list[bytes] = []
    for _ in range(DELIVERY_COUNT_MAX + 1):
        handled += await _read_until_death(queue_line.broker.amqp_url)
    assert DELIVERY_COUNT_MAX + 1 == handled.count(b"poison")

    async with queue_line.worker() as successor:
        await eventually(lambda: {*innocent, b"poison"} == {*handled, *successor.bodies})
    assert innocent == [body for body in handled + successor.bodies if body != b"poison"]
    dead = await eventually(lambda: take_one(queue_line.channel, DEAD_LETTER_QUEUE))
    assert dead is not None
    assert b"poison" == dead.body
    assert await take_one(queue_line.channel, DEAD_LETTER_QUEUE) is None


async def _read_until_death(amqp_url: str) -> list[bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", MODULE, amqp_url, REGISTRY_QUEUE, cwd=ROOT, stdout=-1, stderr=-1
    )
    output, _ = await process.communicate()
    return output.split()
