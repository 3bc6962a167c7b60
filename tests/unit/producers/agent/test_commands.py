"""Commands: once, in time, always answered, and never begun twice."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from producers.agent import commands as module
from producers.agent.clock import open_clock
from producers.agent.commands import WAITING_COUNT_MAX, Commands
from producers.agent.configuration import WhenFull
from producers.agent.link import DeviceLink, LinkCallbacks, LinkRoute, Pace
from producers.agent.outbox import Outbox
from producers.agent.spool import Spool, SpoolLimits
from tests.unit.producers.agent.clocks import NOW_US, ManualInstants
from weir.clock import from_us
from weir.codec.control.command import encode_command
from weir.codec.control.reply import decode_reply
from weir.errors import CommandRefusedError
from weir.model.command import CommandMessage, Reply, ReplyStatus
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import MqttMessage
from weir.testing.conditions import eventually
from weir.testing.running import running

RECEIVED, SUCCEEDED, FAILED = ReplyStatus.RECEIVED, ReplyStatus.SUCCEEDED, ReplyStatus.FAILED


class World:
    """A device that notes what it does, and whose replies stay in the spool."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.done: list[str] = []

    async def commands(self) -> Commands:
        clock, _ = await open_clock(ManualInstants(), self.spool, "boot")
        address = MqttAddress.of_device("mqtt://127.0.0.1:1", "pump-1")
        route = LinkRoute(address, None, MqttMessage("", b""), Pace(1e6))
        callbacks = LinkCallbacks(self.greet, lambda _: None, lambda _: None)
        link = DeviceLink(self.spool, route, callbacks)
        outbox = Outbox("pump-1", self.spool, clock, link, WhenFull.DROP_OLDEST)
        return Commands(self.spool, outbox, clock, self.act)

    async def greet(self) -> list[MqttMessage]:
        return []

    async def act(self, command: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        self.done.append(command)
        match command:
            case "refuse":
                raise CommandRefusedError("not now")
            case "crash":
                raise ZeroDivisionError("by zero")
            case "hang":
                await asyncio.Event().wait()
            case "large":
                return {"x": "x" * 20_000}
        return {"parameters": parameters}

    async def replies(self, count: int) -> list[Reply]:
        """Give the replies so far, once there are so many."""

        async def all_of_them() -> list[Reply]:
            page = await self.spool.do(lambda file: file.backlog("pump-1", 0, 1_000))
            return [decode_reply(message.body, "pump-1") for _, message in page]

        async def are_enough() -> bool:
            return len(await all_of_them()) >= count

        await eventually(are_enough)
        return await all_of_them()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Spool(tmp_path / "spool", SpoolLimits(10_000_000)) as spool:
        yield World(spool)


def sent(
    id_: str, command: str, parameters: Mapping[str, Any] | None = None, ttl_s: int = 60
) -> bytes:
    now = from_us(NOW_US)
    return encode_command(
        CommandMessage(id_, command, parameters or {}, now, now + timedelta(seconds=ttl_s))
    )


async def test_a_command_is_acknowledged_carried_out_and_answered(world: World) -> None:
    commands = await world.commands()
    async with running(commands.run()):
        commands.take(sent("1", "open", {"x": 1}))
        first, second = await world.replies(2)
    assert ("1", RECEIVED, from_us(NOW_US)) == (first.command_id, first.status, first.replied_at)
    assert ("1", SUCCEEDED) == (second.command_id, second.status)
    assert {"parameters": {"x": 1}} == second.result


async def test_a_command_that_arrives_again_is_answered_again_and_not_done_again(
    world: World,
) -> None:
    commands = await world.commands()
    async with running(commands.run()):
        commands.take(sent("1", "open"))
        commands.take(sent("1", "open"))
        replies = await world.replies(3)
    again = await world.commands()
    async with running(again.run()):
        again.take(sent("1", "open"))
        replies = await world.replies(4)
    assert [RECEIVED, SUCCEEDED, SUCCEEDED, SUCCEEDED] == [reply.status for reply in replies]
    assert ["open"] == world.done


async def test_a_command_that_a_crash_has_interrupted_is_not_begun_again(world: World) -> None:
    commands = await world.commands()
    async with running(commands.run()):
        commands.take(sent("1", "hang"))
        await eventually(lambda: world.done)
    again = await world.commands()
    async with running(again.run()):
        again.take(sent("1", "hang"))
        replies = await world.replies(2)
    assert [RECEIVED, FAILED] == [reply.status for reply in replies]
    assert "nobody knows how far it came" in replies[-1].error
    assert ["hang"] == world.done


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (sent("1", "refuse"), "not now"),
        (sent("1", "crash"), "ZeroDivisionError: by zero"),
        (sent("1", "large"), "result: over 16384 bytes of data"),
        (sent("1", "sleep", {"duration_s": -1}), "parameters: duration_s: Input should be greater"),
        (sent("1", "ping", {"x": 1}), "parameters: x: Extra inputs are not permitted"),
    ],
)
async def test_what_goes_wrong_is_the_answer(world: World, body: bytes, error: str) -> None:
    commands = await world.commands()
    async with running(commands.run()):
        commands.take(body)
        replies = await world.replies(2)
    assert FAILED == replies[-1].status
    assert error in replies[-1].error


async def test_what_has_expired_is_not_begun(world: World) -> None:
    commands = await world.commands()
    async with running(commands.run()):
        commands.take(sent("1", "open", ttl_s=0))
        (reply,) = await world.replies(1)
    assert (FAILED, []) == (reply.status, world.done)
    assert reply.error.startswith("expired at 20")


async def test_a_command_that_takes_too_long_has_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COMMAND_TIMEOUT_S", 0.05)
    commands = await world.commands()
    async with running(commands.run()):
        commands.take(sent("1", "hang"))
        commands.take(sent("2", "open"))
        replies = await world.replies(4)
    assert [RECEIVED, FAILED, RECEIVED, SUCCEEDED] == [reply.status for reply in replies]
    assert "not done within 0.05 s" == replies[1].error


async def test_rubbish_and_too_many_are_left(world: World) -> None:
    commands = await world.commands()
    commands.take(b"rubbish")
    for number in range(WAITING_COUNT_MAX + 5):
        commands.take(sent(str(number), "open"))
    async with running(commands.run()):
        replies = await world.replies(2 * WAITING_COUNT_MAX)
    assert WAITING_COUNT_MAX == len(world.done) == len({reply.command_id for reply in replies})
