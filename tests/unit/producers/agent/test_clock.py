"""Clocks that are wrong, unset or set while devices measure; no reading keeps a wrong time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from producers.agent.clock import AgentClock, open_clock
from producers.agent.instants import PATIENCE_US, STEP_US, ClockChange, begin, look
from producers.agent.mending import move
from producers.agent.message import Message
from producers.agent.spool import Spool, SpoolLimits
from tests.unit.producers.agent.clocks import NOW_US, SECOND, ManualInstants
from weir.codec.device_event import decode_events, encode_events
from weir.codec.device_log import decode_logs, encode_logs
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.codec.location import decode_locations, encode_locations
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.model.device_event import DeviceEvent
from weir.model.device_log import Level, LogEntry
from weir.model.location import Location

HOUR_US = 3_600 * SECOND
UNSET_US = 42 * SECOND
BOOT = "boot-1"


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[Spool]:
    async with Spool(tmp_path / "spool", SpoolLimits(10_000_000)) as spool:
        yield spool


def test_a_plausible_clock_is_believed_at_once() -> None:
    instants = ManualInstants()
    base = begin(instants, NOW_US - HOUR_US, 1)
    assert (True, NOW_US) == (base.is_known, base.at(instants.steady_us()))


@pytest.mark.parametrize("wall_us", [UNSET_US, NOW_US - HOUR_US - 1], ids=["unset", "behind"])
def test_a_clock_behind_what_was_known_counts_from_there(wall_us: int) -> None:
    instants = ManualInstants(wall_us)
    base = begin(instants, NOW_US - HOUR_US, 7)
    assert (7, NOW_US - HOUR_US) == (base.epoch, base.at(instants.steady_us()))
    instants.advance(10)
    assert NOW_US - HOUR_US + 10 * SECOND == base.at(instants.steady_us())
    assert (base, None) == look(instants, base)


def test_a_clock_that_is_set_corrects_what_was_counted() -> None:
    instants = ManualInstants(UNSET_US)
    base = begin(instants, NOW_US - HOUR_US, 1)
    instants.advance(10)
    instants.wall = NOW_US
    after, change = look(instants, base)
    assert (True, NOW_US) == (after.is_known, after.at(instants.steady_us()))
    assert ClockChange(HOUR_US - 10 * SECOND, was_known=False) == change


def test_a_clock_that_insists_on_an_earlier_time_is_believed_in_the_end() -> None:
    instants = ManualInstants(NOW_US)
    base = begin(instants, NOW_US + HOUR_US, 1)
    assert not base.is_known
    instants.advance(PATIENCE_US / SECOND - 1)
    assert None is look(instants, base)[1]
    instants.advance(1)
    after, _ = look(instants, base)
    assert (True, instants.wall_us()) == (after.is_known, after.at(instants.steady_us()))


@pytest.mark.parametrize("by_us", [-STEP_US + 1, 0, STEP_US - 1])
def test_small_corrections_are_none(by_us: int) -> None:
    instants = ManualInstants()
    base = begin(instants, 0, 1)
    instants.wall += by_us
    assert (base, None) == look(instants, base)


@pytest.mark.parametrize(("by_us", "steps"), [(HOUR_US, 0), (-HOUR_US, 1)])
def test_a_clock_that_jumps_is_followed_and_going_back_is_counted(by_us: int, steps: int) -> None:
    instants = ManualInstants()
    base = begin(instants, 0, 1)
    instants.wall += by_us
    after, change = look(instants, base)
    assert ClockChange(by_us, was_known=True) == change
    assert (steps, instants.wall_us()) == (after.step_count, after.at(instants.steady_us()))


def test_a_clock_that_loses_its_time_is_not_followed() -> None:
    instants = ManualInstants()
    base = begin(instants, 0, 1)
    instants.wall = UNSET_US
    assert (base, None) == look(instants, base)


def test_all_instants_of_a_message_are_moved() -> None:
    fields = [FieldReadings("x", [NOW_US, NOW_US + 7], [1, 2]), FieldReadings("y", [NOW_US], [0])]
    batch = decode_measurements(
        moved("measurements", encode_measurements(BatchHeader(), fields)), "pump-1", NOW_US
    )
    assert isinstance(batch, MeasurementBatch)
    assert [[NOW_US + 5, NOW_US + 12], [NOW_US + 5]] == [
        list(column.observed_at_us) for column in batch.columns
    ]
    event = DeviceEvent(NOW_US, "x")
    body = moved("events", encode_events([event]))
    assert NOW_US + 5 == decode_events(body, "pump-1", NOW_US).events[0].observed_at_us
    body = moved("locations", encode_locations([Location(NOW_US, 1.0, 2.0)]))
    assert NOW_US + 5 == decode_locations(body, "pump-1", NOW_US).locations[0].observed_at_us
    body = moved("logs", encode_logs([LogEntry(NOW_US, Level.INFO, "x", {})]))
    assert NOW_US + 5 == decode_logs(body, "pump-1")[0].logged_at_us
    assert b"as it is" == moved("replies/ping", b"as it is")


def moved(kind: str, body: bytes) -> bytes:
    after = move(Message("pump-1", kind, body, 10, 20, 2, 3), 5)
    assert (15, 25, 0) == (after.first_us, after.last_us, after.epoch)
    return after.body


async def keep(spool: Spool, clock: AgentClock) -> None:
    """Keep a log line of the present instant."""
    now_us = clock.now_us()
    body = encode_logs([LogEntry(now_us, Level.INFO, "x", {})])
    await spool.append(Message("pump-1", "logs", body, now_us, now_us, 1, clock.base.epoch))


async def instants_kept(spool: Spool) -> list[int]:
    """Give the instants of what may be sent."""
    page = await spool.do(lambda file: file.backlog("pump-1", 0, 1_000))
    return [decode_logs(message.body, "pump-1")[0].logged_at_us for _, message in page]


async def test_what_was_measured_by_an_unset_clock_waits_and_is_mended(spool: Spool) -> None:
    instants = ManualInstants(UNSET_US)
    clock, _ = await open_clock(instants, spool, BOOT)
    for _ in range(3):
        instants.advance(1)
        await keep(spool, clock)
    assert [] == await instants_kept(spool)
    instants.wall = NOW_US
    change = await clock.look()
    assert change is not None
    assert not change.was_known
    assert [NOW_US - 2 * SECOND, NOW_US - SECOND, NOW_US] == await instants_kept(spool)
    assert NOW_US == clock.now_us()
    assert None is await clock.look()


async def test_what_comes_late_with_the_old_time_is_mended_too(spool: Spool) -> None:
    instants = ManualInstants(UNSET_US)
    clock, _ = await open_clock(instants, spool, BOOT)
    late = Message("pump-1", "logs", encode_logs([]), clock.now_us(), clock.now_us(), 1, 1)
    instants.wall = NOW_US
    await clock.look()
    await spool.append(late)
    await clock.look()
    ((_, message),) = await spool.do(lambda file: file.backlog("pump-1", 0, 10))
    assert (NOW_US, 0) == (message.first_us, message.epoch)


@pytest.mark.parametrize("is_set_before", [True, False])
async def test_a_crash_of_the_agent_does_not_prevent_mending(
    spool: Spool, is_set_before: bool
) -> None:
    instants = ManualInstants(UNSET_US)
    clock, _ = await open_clock(instants, spool, BOOT)
    await keep(spool, clock)
    instants.advance(5)
    if is_set_before:
        instants.wall = NOW_US
    again, guessed = await open_clock(instants, spool, BOOT)
    assert None is guessed
    instants.wall = NOW_US
    await again.look()
    assert [NOW_US - 5 * SECOND] == await instants_kept(spool)


async def test_of_an_earlier_boot_without_a_clock_times_are_guessed_and_told(spool: Spool) -> None:
    clock, _ = await open_clock(ManualInstants(NOW_US), spool, "boot-0")
    instants = ManualInstants(UNSET_US)
    clock, _ = await open_clock(instants, spool, BOOT)
    instants.advance(60)
    await keep(spool, clock)
    _, guessed = await open_clock(ManualInstants(NOW_US + HOUR_US), spool, "boot-2")
    expected = NOW_US + 60 * SECOND
    assert (expected, expected) == guessed
    assert [expected] == await instants_kept(spool)
