"""Commands on their way to devices and back, over a real broker and a real database."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from consumers.commands import Commands
from consumers.replies import Replies
from tests.integration.postgres.command_desk import ADA
from tests.integration.rabbitmq.publishing import channel_to
from tests.integration.runtime.command_line import CommandLine
from weir.events.device_commands import Disable
from weir.model.names import EXCHANGE, commands_queue
from weir.postgres.device_changes import change_device
from weir.postgres.pool import open_pool
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres, pytest.mark.mqtt]

ALL_STEPS = ["requested", "sent", "delivered", "succeeded"]


@pytest.fixture(params=["broker", pytest.param("newest_broker", marks=pytest.mark.newest)])
async def line(
    request: pytest.FixtureRequest, migrated_database_url: str
) -> AsyncIterator[CommandLine]:
    broker: Broker = request.getfixturevalue(request.param)
    await apply_topology(broker.amqp_url, 1)
    async with open_pool(migrated_database_url) as pool:
        line = CommandLine(broker, migrated_database_url, pool)
        await line.desk.enrol("pump-1", "pump-2")
        yield line


async def test_a_device_that_is_there_answers_at_once_and_in_order(line: CommandLine) -> None:
    device = line.device("pump-1")
    async with line.running(Commands, Replies), device.online():
        ids = [await line.desk.request_one("pump-1") for _ in range(10)]
        for id_ in ids:
            await line.until(id_, ALL_STEPS)

    assert ids == device.executed
    row = await line.pool.fetchrow("SELECT result FROM command WHERE command_id = $1", ids[0])
    assert row is not None
    assert '{"did": "ping"}' == row["result"]


async def test_a_device_gets_what_it_missed_and_never_what_has_expired(line: CommandLine) -> None:
    device = line.device("pump-1")
    await device.subscribe()
    async with line.running(Commands, Replies):
        # Its time runs from the request, so the consumer must be at work by then.
        await line.until(await line.desk.request_one("pump-2"), ["requested", "sent"])
        short = await line.desk.request_one("pump-1", ttl=timedelta(seconds=3))
        long = await line.desk.request_one("pump-1")
        for id_ in (short, long):
            await line.until(id_, ["requested", "sent"])
        await line.until_kept("mqtt-subscription-pump-1qos1", 1)
        async with device.online():
            await line.until(long, ALL_STEPS)

    assert [long] == device.executed


async def test_a_device_that_was_never_there_is_sent_again_when_it_starts(
    line: CommandLine,
) -> None:
    device = line.device("pump-1")
    async with line.running(Commands, Replies):
        ids = [await line.desk.request_one("pump-1") for _ in range(3)]
        for id_ in ids:
            await line.until(id_, ["requested", "sent"])
        async with device.online():
            await line.announce("pump-1", boot_id=2)
            for id_ in ids:
                await line.until_succeeded(id_)

    assert ids == device.executed


async def test_what_is_sent_twice_is_done_once(line: CommandLine) -> None:
    device = line.device("pump-1")
    await device.subscribe()
    async with line.running(Commands):
        id_ = await line.desk.request_one("pump-1")
        await line.until(id_, ["requested", "sent"])
        await line.announce("pump-1", boot_id=2)
        await line.until(id_, ["requested", "sent", "sent"])
    async with line.running(Replies), device.online():
        await line.until(id_, ["requested", "sent", "sent", "delivered", "succeeded"])

    assert [id_] == device.executed
    assert {id_} == set(device.arrived)


@pytest.mark.slow
async def test_a_full_queue_holds_up_nobody_else_and_gets_its_turn(line: CommandLine) -> None:
    async with channel_to(line.broker.amqp_url) as channel:
        full = await channel.declare_queue(
            commands_queue("pump-1"),
            durable=True,
            arguments={
                "x-queue-type": "quorum",
                "x-max-length": 1,
                "x-overflow": "reject-publish",
            },
        )
        await full.bind(EXCHANGE, "sensor.pump-1.commands.#")
        async with line.running(Commands):
            # A quorum queue learns a moment later how long it is: a few may come in.
            stuck = [await line.desk.request_one("pump-1") for _ in range(20)]
            free = await line.desk.request_one("pump-2")
            await line.until(free, ["requested", "sent"])
            states = await line.desk.states()
            assert "requested" == states[stuck[-1]]
            await full.purge()
            refused = next(id_ for id_ in stuck if states[id_] == "requested")
            await line.until(refused, ["requested", "sent"])


async def test_shutting_a_device_out_cancels_what_waits_for_it(line: CommandLine) -> None:
    async with line.running(Commands):
        id_ = await line.desk.request_one("pump-1")
        await line.until(id_, ["requested", "sent"])
        await change_device(line.pool, "pump-1", [Disable()], ADA)
        await line.until(id_, ["requested", "sent", "cancelled"])
