"""States reach the store, and nobody is missed while we were not listening."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from consumers.states import INTERRUPTION, SEARCH_INTERVAL_S, States
from weir.consumer import Delivery
from weir.errors import BrokerUnavailableError, DecodeError, UnknownEventError
from weir.model.configuration import StateReport
from weir.model.names import STATE_QUEUE
from weir.model.presence import Watch
from weir.testing.clock import START, ManualClock
from weir.testing.memory import MemoryPresenceStore, memory_ports

STREAM = "s.0"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass
class World:
    """A consumer with a clock, a store and a broker of its own."""

    clock: ManualClock = field(default_factory=ManualClock)
    presence: MemoryPresenceStore = field(default_factory=MemoryPresenceStore)
    end: int = 10
    is_broker_away: bool = False
    states: States = field(init=False)

    def __post_init__(self) -> None:
        ports = replace(
            memory_ports(), presence=self.presence, stream_ends=self.ends, clock=self.clock
        )
        self.states = States(ports)
        self.presence.has_candidates = True
        self.presence.offsets = {STREAM: self.end}
        self.states.note_connected()

    async def ends(self) -> dict[str, int]:
        if self.is_broker_away:
            raise BrokerUnavailableError("away")
        return {STREAM: self.end}

    async def search(self, count: int = 1) -> None:
        for _ in range(count):
            await self.states.search()
            self.clock.advance(SEARCH_INTERVAL_S)


def delivery(body: bytes, key: str = "sensor.pump-1.state") -> Delivery:
    return Delivery(STATE_QUEUE, "iot", key, body, START)


async def test_a_state_reaches_the_store() -> None:
    world = World()

    await world.states.handle(delivery(b'{"online": true, "boot_id": 7}'))
    await world.states.handle(delivery(b'{"online": false}', "sensor.pump-1.state.json"))

    assert [
        ("pump-1", StateReport(is_online=True, boot_id=7), START),
        ("pump-1", StateReport(is_online=False), START),
    ] == world.presence.reports


async def test_what_is_no_state_is_invalid() -> None:
    world = World()

    with pytest.raises(DecodeError):
        await world.states.handle(delivery(b"gone"))
    with pytest.raises(UnknownEventError):
        await world.states.handle(delivery(b"{}", "sensor.pump-1.state.xml"))


async def test_silence_is_judged_at_an_instant_of_which_all_is_stored() -> None:
    world = World()

    await world.search(2)

    assert [Watch(START, START)] == world.presence.watches


async def test_nobody_is_silent_while_the_writer_is_behind() -> None:
    world = World()
    world.presence.offsets = {STREAM: world.end - 1}
    await world.search(200)
    assert [] == world.presence.watches

    # It has stored what had arrived at the first look: that is the instant that is judged.
    world.presence.offsets = {STREAM: world.end}
    world.end += 1_000
    await world.search()

    assert [Watch(START, START)] == world.presence.watches


async def test_the_broker_is_not_asked_while_nobody_is_missed() -> None:
    world = World(is_broker_away=True)
    world.presence.has_candidates = False

    await world.search(3)

    assert [] == world.presence.watches


@pytest.mark.parametrize("outage_s", [INTERRUPTION.total_seconds() + 1, 3_600.0])
async def test_after_an_interruption_silence_counts_from_its_end(outage_s: float) -> None:
    world = World()
    await world.search()
    world.clock.advance(outage_s)
    resumed = world.clock.now()

    await world.search(3)

    assert {resumed} == {watch.since for watch in world.presence.watches}


async def test_after_the_broker_was_away_silence_counts_from_its_return() -> None:
    world = World()
    await world.search()
    world.is_broker_away = True
    world.states.note_connected()
    with pytest.raises(BrokerUnavailableError):
        await world.search()
    world.is_broker_away = False
    world.clock.advance(1)
    world.states.note_connected()

    await world.search(2)

    assert [Watch(at(4), at(4))] == world.presence.watches
