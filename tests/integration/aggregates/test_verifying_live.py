"""`iotctl aggregates` in front of a system that is at work: real broker, writer, aggregates."""

import asyncio
import json
import random
import subprocess
import sys
from functools import partial
from itertools import cycle

import pytest

from tests.integration.aggregates.conftest import SERIAL, Device, projected
from tests.integration.dead_letters.conftest import TOKEN
from tests.integration.gateway.test_server import Gateway
from tests.integration.runtime.pipeline import Pipeline
from weir.paths import ROOT
from weir.testing.conditions import eventually
from weir.testing.running import running

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

#: Three rounds, and late readings of some seconds between them.
VERIFY_TIMEOUT_S = 200
ROLLED_TIMEOUT_S = 60.0
SEED = 7


async def iotctl(gateway: Gateway, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command, while what is at work in this process goes on."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "weir", "aggregates", *arguments],
        cwd=ROOT,
        env={"WEIR_GATEWAY_URL": gateway.url, "WEIR_GATEWAY_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        timeout=VERIFY_TIMEOUT_S,
        check=False,
    )


async def rolled_up(pipeline: Pipeline, count: int) -> None:
    """Wait until so many readings are in the hours, and the readings' hour is settled."""

    async def are_all() -> bool:
        return bool(
            await pipeline.pool.fetchval(
                "SELECT sum(count) >= $1 AND (SELECT min(rolled_until) FROM rollup_progress)"
                " IS NOT NULL FROM rollup_hour",
                count,
            )
        )

    await eventually(are_all, ROLLED_TIMEOUT_S)


async def test_a_system_at_work_is_verified_without_false_alarms(
    pipeline: Pipeline, gateway: Gateway, device: Device
) -> None:
    # An hour ago, in any order: every message is late for some minute.
    sequences = list(range(3_000))
    random.Random(SEED).shuffle(sequences)

    async def go_on_sending() -> None:
        for first in cycle(range(500, 3_000, 5)):
            await device.send(sequences[first : first + 5])
            await eventually(partial(are_stored, first + 5))

    async def are_stored(count: int) -> bool:
        return await pipeline.count() >= count

    async with projected(pipeline):
        await device.send(sequences[:500])
        await rolled_up(pipeline, 500)
        async with running(go_on_sending()):
            verified = await iotctl(gateway, "verify", "-o", "json")

    answer = json.loads(verified.stdout)
    assert (0, [], True) == (verified.returncode, answer["differences"], answer["is_certain"])
    assert all(level["checked_count"] > 0 for level in answer["levels"][:2])


async def test_what_differs_is_shown_and_mended(
    pipeline: Pipeline, gateway: Gateway, device: Device
) -> None:
    async with projected(pipeline):
        await device.send(range(120))
        await rolled_up(pipeline, 120)
        await pipeline.pool.execute("UPDATE rollup_minute SET sum = sum + 1000")
        wrong = await iotctl(gateway, "verify", "--device", SERIAL)
        command = wrong.stderr.rpartition("to mend them: iotctl aggregates ")[2].split()
        rebuilt = await iotctl(gateway, *command)
        right = await iotctl(gateway, "verify", "--since", "1d")

    assert (1, 0, 0) == (wrong.returncode, rebuilt.returncode, right.returncode)
    assert "minute  pump-1  pressure  " in wrong.stdout
    assert "1 series computed again\n" == rebuilt.stdout
    assert "no differences" in right.stderr
