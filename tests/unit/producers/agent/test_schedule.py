"""When devices are polled: aligned, without a hole, with rests for those that fail."""

import pytest

from producers.agent.schedule import BACKOFF_S_MAX, CATCH_UP_S_MAX, Schedule, to_interval_us
from weir.driver import Poll

SECOND = 1_000_000
#: A multiple of no interval here.
NOW = 1_773_500_966_123_456
EVERY_10_S = Schedule(10 * SECOND)


def test_polls_end_on_multiples_of_the_interval() -> None:
    first = EVERY_10_S.first(NOW)
    assert 0 == first.end_us % (10 * SECOND)
    assert NOW < first.end_us <= NOW + 10 * SECOND
    assert first.end_us - 10 * SECOND == first.start_us


def test_a_poll_begins_at_its_end_and_its_phase() -> None:
    assert 1_500_000 == Schedule(SECOND, 500_000).due_us(Poll(0, SECOND))


@pytest.mark.parametrize("late_s", [0, 1, 9, 10, 35])
def test_no_time_is_left_out_when_a_poll_takes_long(late_s: int) -> None:
    poll = EVERY_10_S.first(NOW)
    now_us = poll.end_us + late_s * SECOND
    after = EVERY_10_S.next(now_us, poll)
    assert poll.end_us == after.start_us
    assert now_us < after.end_us <= now_us + 10 * SECOND
    assert 0 == EVERY_10_S.missed_us(poll, after)


def test_what_is_longer_ago_than_can_be_made_up_for_is_missed() -> None:
    poll = EVERY_10_S.first(NOW)
    after = EVERY_10_S.next(poll.end_us + 3_600 * SECOND, poll)
    assert round(CATCH_UP_S_MAX * SECOND) == after.end_us - after.start_us
    assert after.start_us - poll.end_us == EVERY_10_S.missed_us(poll, after)


@pytest.mark.parametrize(
    ("failures", "cycles"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 6), (5, 6), (10_000, 6)]
)
def test_a_device_that_fails_again_gets_a_rest_up_to_a_limit(failures: int, cycles: int) -> None:
    poll = EVERY_10_S.first(NOW)
    after = EVERY_10_S.next(poll.end_us, poll, failures)
    assert cycles * 10 * SECOND == after.end_us - poll.end_us
    assert after.end_us - poll.end_us <= BACKOFF_S_MAX * SECOND


def test_a_rare_poll_needs_no_rest() -> None:
    daily = Schedule(86_400 * SECOND)
    poll = daily.first(NOW)
    assert 86_400 * SECOND == daily.next(poll.end_us, poll, 9).end_us - poll.end_us


def test_an_interval_is_whole_microseconds() -> None:
    assert 33_333 == to_interval_us(1 / 30)
    assert 1 == to_interval_us(1e-9)
