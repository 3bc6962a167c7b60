"""Minutes wait for their end, late ones for their swarm, and the checkpoint for both."""

from datetime import timedelta

import pytest

from consumers import _pending_minutes
from consumers._pending_minutes import PendingMinutes
from weir.clock import to_us
from weir.codec.touched import Minute
from weir.testing.clock import START, ManualClock

#: The clock starts in the middle of this minute.
NOW_US = to_us(START) - to_us(START) % 60_000_000


def minute(offset: int, serial: str = "pump-1") -> Minute:
    """Name a minute that is so many after the one under way."""
    return serial, "pressure", NOW_US + offset * 60_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def pending() -> PendingMinutes:
    return PendingMinutes(10, 10)


def test_a_minute_under_way_is_due_when_it_has_ended(
    pending: PendingMinutes, clock: ManualClock
) -> None:
    pending.add([minute(0)], 11, clock.now(), clock.now())
    clock.advance(34)
    assert [] == pending.take_due(clock.now())
    clock.advance(2)
    assert [minute(0)] == pending.take_due(clock.now())


def test_a_late_minute_is_due_after_its_swarm(pending: PendingMinutes, clock: ManualClock) -> None:
    pending.add([minute(-500)], 11, clock.now(), clock.now())
    assert [] == pending.take_due(clock.now())
    clock.advance(_pending_minutes.LATE_WAIT_S)
    assert [minute(-500)] == pending.take_due(clock.now())


def test_a_minute_of_the_future_waits_no_longer_than_others(
    pending: PendingMinutes, clock: ManualClock
) -> None:
    pending.add([minute(100)], 11, clock.now(), clock.now())
    clock.advance(_pending_minutes.WAIT_S_MAX)
    assert [minute(100)] == pending.take_due(clock.now())


def test_touching_a_minute_again_does_not_put_it_off(
    pending: PendingMinutes, clock: ManualClock
) -> None:
    pending.add([minute(-1)], 11, clock.now(), clock.now())
    clock.advance(_pending_minutes.LATE_WAIT_S)
    pending.add([minute(-1)], 12, clock.now(), clock.now())
    assert [minute(-1)] == pending.take_due(clock.now())
    assert 12 == pending.safe_offset


def test_the_checkpoint_stays_before_the_first_message_whose_minute_waits(
    pending: PendingMinutes, clock: ManualClock
) -> None:
    pending.add([], 12, clock.now(), clock.now())
    pending.add([minute(0)], 15, clock.now(), clock.now())
    pending.add([minute(-9)], 20, clock.now(), clock.now())
    assert 12 == pending.safe_offset
    clock.advance(_pending_minutes.LATE_WAIT_S)
    assert [minute(-9)] == pending.take_due(clock.now())
    assert 12 == pending.safe_offset
    clock.advance(60)
    assert [minute(0)] == pending.take_due(clock.now())
    assert 20 == pending.safe_offset


def test_what_is_rolled_up_is_what_came_before_the_first_minute_that_waits(
    pending: PendingMinutes, clock: ManualClock
) -> None:
    first = clock.now()
    pending.add([], 12, first, first)
    clock.advance(1)
    pending.add([minute(0)], 15, clock.now(), clock.now())
    assert first == pending.rolled_until
    clock.advance(60)
    pending.take_due(clock.now())
    assert first + timedelta(seconds=1) == pending.rolled_until


def test_of_too_many_minutes_none_waits(
    pending: PendingMinutes, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_pending_minutes, "MINUTES_MAX", 3)
    minutes = [minute(0, f"pump-{number}") for number in range(4)]
    pending.add(minutes[:3], 11, clock.now(), clock.now())
    assert [] == pending.take_due(clock.now())
    pending.add(minutes[3:], 12, clock.now(), clock.now())
    assert sorted(minutes) == sorted(pending.take_due(clock.now()))
    assert 0 == len(pending)


def test_what_is_stored_need_not_be_stored_again(
    pending: PendingMinutes, clock: ManualClock
) -> None:
    assert pending.is_stored
    pending.add([], 12, clock.now(), clock.now())
    assert not pending.is_stored
    pending.note_stored()
    assert pending.is_stored
    pending.note_silence(clock.now() + timedelta(seconds=1))
    assert not pending.is_stored
