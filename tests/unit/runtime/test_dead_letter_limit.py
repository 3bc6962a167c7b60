"""A consumer that rejects everything stops; a device that sends rubbish stops nobody."""

from datetime import UTC, datetime

import pytest

from weir.errors import TooManyDeadLettersError
from weir.ports import DeadLetter
from weir.runtime.dead_letter_limit import (
    HEARING_TIME,
    SENDER_COUNT_MIN,
    WINDOW_MESSAGE_COUNT,
    DeadLetterBounds,
    DeadLetterLimit,
)
from weir.testing.clock import START

RUN_MAX = 20


def key(device: int) -> str:
    return f"sensor.dev-{device}.measurements"


def letter(device: int, reason: str = "undecodable") -> DeadLetter:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return DeadLetter("measurements", reason, "", "stream", key(device), b"", at)


def by_share(share_max: float = 0.5) -> DeadLetterLimit:
    return DeadLetterLimit("measurements", DeadLetterBounds(share_max=share_max))


def in_a_row(run_max: int = RUN_MAX) -> DeadLetterLimit:
    return DeadLetterLimit("measurements", DeadLetterBounds(run_max=run_max))


def reject(limit: DeadLetterLimit, count: int, devices: int, reason: str = "undecodable") -> None:
    for number in range(count):
        limit.reject(START, letter(number % devices, reason))


def feed(limit: DeadLetterLimit, *, rejected_devices: int, accepted_devices: int) -> None:
    """Count a window of which every device sends as much."""
    for number in range(WINDOW_MESSAGE_COUNT):
        device = number % (rejected_devices + accepted_devices)
        if device < rejected_devices:
            limit.reject(START, letter(device))
        else:
            limit.accept(START, key(device))


def test_rejecting_everything_stops_and_says_how_to_go_on() -> None:
    limit = by_share()
    feed(limit, rejected_devices=3, accepted_devices=0)

    with pytest.raises(TooManyDeadLettersError, match="SHARE_MAX=1") as caught:
        limit.check(START)

    assert "1000 of the last 1000 messages, mostly as undecodable" in str(caught.value)
    assert "3 of 3 senders" in str(caught.value)


def test_one_message_less_than_a_window_stops_nothing() -> None:
    limit = by_share()
    reject(limit, WINDOW_MESSAGE_COUNT - 1, devices=3)
    limit.check(START)


def test_half_of_the_devices_is_not_nearly_all() -> None:
    limit = by_share()
    for _ in range(5):
        feed(limit, rejected_devices=2, accepted_devices=2)
        limit.check(START)


def test_a_flood_of_rubbish_from_one_device_stops_nobody() -> None:
    limit = by_share()
    for _ in range(10 * WINDOW_MESSAGE_COUNT):
        limit.reject(START, letter(1))
        limit.accept(START, key(2))
        limit.accept(START, key(3))
        limit.check(START)


def test_a_flood_that_nobody_else_comes_between_lets_the_others_be_heard_first() -> None:
    limit = DeadLetterLimit("measurements", DeadLetterBounds(0.5, RUN_MAX))
    reject(limit, 3 * WINDOW_MESSAGE_COUNT, devices=SENDER_COUNT_MIN - 1)
    limit.check(START)
    for device in (2, 3, 4, 5):
        limit.accept(START, key(device))
    limit.check(START + HEARING_TIME)


def test_where_nobody_else_is_heard_in_time_it_stops() -> None:
    limit = by_share()
    reject(limit, WINDOW_MESSAGE_COUNT, devices=1)
    limit.check(START)
    with pytest.raises(TooManyDeadLettersError, match="1 of 1 senders"):
        limit.check(START + HEARING_TIME)


def test_devices_that_wait_for_approval_do_not_count() -> None:
    limit = DeadLetterLimit("measurements", DeadLetterBounds(0.5, RUN_MAX))
    reject(limit, 2 * WINDOW_MESSAGE_COUNT, devices=3, reason="not_approved")
    limit.check(START)


def test_a_share_of_one_never_stops() -> None:
    limit = by_share(1.0)
    feed(limit, rejected_devices=3, accepted_devices=0)
    limit.check(START)


def test_so_many_in_a_row_stop_it_long_before_a_window_is_full() -> None:
    limit = in_a_row()
    reject(limit, RUN_MAX - 1, devices=3)
    limit.check(START)
    reject(limit, 1, devices=1)
    with pytest.raises(TooManyDeadLettersError, match="RUN_MAX=0") as caught:
        limit.check(START)
    assert "the last 20 messages one after the other, mostly as undecodable" in str(caught.value)
    assert "of 3 senders" in str(caught.value)


def test_one_that_is_accepted_ends_the_row() -> None:
    limit = in_a_row()
    for _ in range(3):
        reject(limit, RUN_MAX - 1, devices=3)
        limit.accept(START, key(9))
        limit.check(START)


def test_a_row_of_one_device_counts_when_nobody_else_is_heard_in_time() -> None:
    limit = in_a_row()
    reject(limit, 10 * RUN_MAX, devices=1)
    limit.check(START)
    with pytest.raises(TooManyDeadLettersError, match="of 1 senders"):
        limit.check(START + HEARING_TIME)


def test_a_row_of_zero_never_stops() -> None:
    limit = in_a_row(0)
    reject(limit, 10 * RUN_MAX, devices=3)
    limit.check(START)
