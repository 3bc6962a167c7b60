"""The polls of one device: failures told once, nobody delayed, nothing lost by a change."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from producers.agent.batching import bounds
from producers.agent.clock import AgentClock, open_clock
from producers.agent.configuration import DeviceDocument, WhenFull
from producers.agent.instants import SystemInstants
from producers.agent.link import DeviceLink, LinkCallbacks, LinkRoute, Pace
from producers.agent.message import Message
from producers.agent.outbox import Outbox
from producers.agent.poller import Plan, Poller
from producers.agent.spool import Spool, SpoolLimits
from weir.codec.device_event import decode_events
from weir.codec.encode import FieldReadings
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import DecodeError, DeviceUnavailableError
from weir.model.announcement import FieldDescription
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import MqttMessage
from weir.testing.conditions import eventually
from weir.testing.running import running

INTERVAL_S = 0.05
DOCUMENT = DeviceDocument(interval_s=INTERVAL_S, timeout_s=0.2)
INTERVAL_US = 50_000


class Counter(Driver[DriverConfiguration]):
    """Counts its polls; does at each what `plan` says, and then goes well."""

    name = "counter"
    model = "counter"
    configuration_class = DriverConfiguration

    def __init__(self, *plan: BaseException | float) -> None:
        super().__init__(DriverConfiguration(), random.Random(0))
        self.plan = list(plan)
        self.polls: list[Poll] = []
        self.is_closed = False

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        return (FieldDescription("count", "1", "polls"),)

    async def read(self, poll: Poll) -> Polled:
        self.polls.append(poll)
        match self.plan.pop(0) if self.plan else None:
            case BaseException() as error:
                raise error
            case float() | int():
                await asyncio.Event().wait()
        return Polled([FieldReadings("count", [poll.end_us], [len(self.polls)])])

    async def close(self) -> None:
        self.is_closed = True


class World:
    """Devices without a broker: what they say stays in the spool."""

    def __init__(self, spool: Spool, clock: AgentClock, when_full: WhenFull) -> None:
        self.spool = spool
        self.clock = clock
        self.when_full = when_full

    def poller(self, driver: Counter, serial: str = "pump-1") -> Poller:
        address = MqttAddress.of_device("mqtt://127.0.0.1:1", serial)
        route = LinkRoute(address, None, MqttMessage("", b""), Pace(1e6))
        callbacks = LinkCallbacks(greet, lambda _: None, lambda _: None)
        link = DeviceLink(self.spool, route, callbacks)
        outbox = Outbox(serial, self.spool, self.clock, link, self.when_full)
        return Poller(Plan(driver, DOCUMENT, 0.0), outbox, self.spool, self.clock)

    async def said(self, kind: str, serial: str = "pump-1") -> list[Message]:
        page = await self.spool.do(lambda file: file.backlog(serial, 0, 10_000))
        return [message for _, message in page if message.kind == kind]

    async def events(self) -> list[tuple[str, str]]:
        found = []
        for message in await self.said("events"):
            batch = decode_events(message.body, "pump-1", self.clock.now_us())
            found += [(event.type, json.loads(event.data)["reason"]) for event in batch.events]
        return found


async def greet() -> list[MqttMessage]:
    return []


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with Spool(tmp_path / "spool", SpoolLimits(10_000_000)) as spool:
        clock, _ = await open_clock(SystemInstants(), spool, "boot")
        yield World(spool, clock, WhenFull.DROP_OLDEST)


async def test_polls_follow_one_another_without_a_hole_and_are_aligned(world: World) -> None:
    driver = Counter()
    async with running(world.poller(driver).run()):
        await eventually(lambda: len(driver.polls) > 5)
    assert [poll.end_us for poll in driver.polls[:-1]] == [
        poll.start_us for poll in driver.polls[1:]
    ]
    assert {0} == {poll.end_us % INTERVAL_US for poll in driver.polls}


@pytest.mark.parametrize(
    ("failures", "reason"),
    [
        ([DeviceUnavailableError("no answer")] * 3, "device_unavailable"),
        ([DecodeError("03 ff ..")] * 3, "undecodable"),
        ([ZeroDivisionError("a bug")] * 3, "device_unavailable"),
        ([1.0, 1.0], "device_unavailable"),
    ],
    ids=["away", "nonsense", "bug", "hangs"],
)
async def test_a_failure_is_told_once_and_so_is_its_end(
    world: World, failures: list[BaseException | float], reason: str
) -> None:
    driver = Counter(*failures)
    poller = world.poller(driver)
    async with running(poller.run()):
        await eventually(lambda: driver.polls and poller.failing_since_us is not None)
        await eventually(lambda: len(driver.polls) > len(failures) + 1)
        await eventually(lambda: poller.failing_since_us is None)

        async def is_told() -> bool:
            return len(await world.events()) == 2

        await eventually(is_told)
    assert [("WARNING", reason), ("RECOVERED", reason)] == await world.events()


async def test_a_slow_device_delays_nobody(world: World) -> None:
    slow, quick = Counter(*[1.0] * 100), Counter()
    async with (
        running(world.poller(slow).run()),
        running(world.poller(quick, "pump-2").run()),
    ):
        await eventually(lambda: len(slow.polls) >= 2)
    assert len(quick.polls) >= 3
    assert {INTERVAL_US} == {poll.end_us - poll.start_us for poll in quick.polls[:3]}


async def test_another_plan_continues_where_the_one_before_has_ended(world: World) -> None:
    before, after = Counter(), Counter()
    poller = world.poller(before)
    document = DeviceDocument(interval_s=0.1)
    async with running(poller.run()):
        await eventually(lambda: len(before.polls) >= 3)
        async with poller.lock:
            await poller.replace(Plan(after, document, 0.0))
        await eventually(lambda: len(after.polls) >= 2)
    assert before.is_closed
    assert before.polls[-1].end_us == after.polls[0].start_us
    assert {0} == {poll.end_us % 100_000 for poll in after.polls}


async def test_a_message_has_what_it_says_it_has(world: World) -> None:
    driver = Counter()
    async with running(world.poller(driver).run()):

        async def has_said() -> bool:
            return len(await world.said("measurements")) >= 3

        await eventually(has_said)
    for number, message in enumerate(await world.said("measurements"), start=1):
        batch = decode_measurements(message.body, "pump-1", world.clock.now_us())
        assert isinstance(batch, MeasurementBatch)
        assert (number, message.count) == (batch.sequence, batch.reading_count)
        (column,) = batch.columns
        assert (message.first_us, message.last_us) == bounds(
            [FieldReadings("count", list(map(int, column.observed_at_us)), [1])]
        )


async def test_where_nothing_may_be_dropped_polls_wait_for_room(tmp_path: Path) -> None:
    limits = SpoolLimits(600, WhenFull.STOP_READING)
    async with Spool(tmp_path / "spool", limits) as spool:
        clock, _ = await open_clock(SystemInstants(), spool, "boot")
        world = World(spool, clock, WhenFull.STOP_READING)
        driver = Counter()
        async with running(world.poller(driver).run()):
            await eventually(lambda: len(driver.polls) >= 3)
            full = await world.said("measurements")
            spool.remove(id_ for id_, _ in await spool.do(lambda f: f.backlog("pump-1", 0, 10)))

            async def goes_on() -> bool:
                page = await world.said("measurements")
                return bool(page and page[-1].first_us > full[-1].first_us)

            await eventually(goes_on)
    times = [poll.end_us for poll in driver.polls]
    assert sorted(set(times)) == times
