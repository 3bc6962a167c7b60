"""A consumer that rejects everything stops; a device that sends rubbish stops nobody."""

from datetime import UTC, datetime

import pytest

from weir.errors import TooManyDeadLettersError
from weir.ports import DeadLetter
from weir.runtime.dead_letter_limit import WINDOW_MESSAGE_COUNT, DeadLetterLimit


def letter(device: int, reason: str = "undecodable") -> DeadLetter:
    key = f"sensor.dev-{device}.measurements"
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return DeadLetter("measurements", reason, "", "stream", key, b"", at)


def feed(limit: DeadLetterLimit, *, rejected_devices: int, accepted_devices: int) -> None:
    """Count a window of which every device sends as much."""
    for number in range(WINDOW_MESSAGE_COUNT):
        device = number % (rejected_devices + accepted_devices)
        if device < rejected_devices:
            limit.reject(letter(device))
        else:
            limit.accept(f"sensor.dev-{device}.measurements")


def test_rejecting_everything_stops_and_says_how_to_go_on() -> None:
    limit = DeadLetterLimit("measurements", 0.5)
    feed(limit, rejected_devices=3, accepted_devices=0)

    with pytest.raises(TooManyDeadLettersError, match="SHARE_MAX=1") as caught:
        limit.check()

    assert "1000 of the last 1000 messages, mostly as undecodable" in str(caught.value)
    assert "3 of 3 senders" in str(caught.value)


def test_one_message_less_than_a_window_stops_nothing() -> None:
    limit = DeadLetterLimit("measurements", 0.5)
    for _ in range(WINDOW_MESSAGE_COUNT - 1):
        limit.reject(letter(1))
    limit.check()


def test_half_of_the_devices_is_not_nearly_all() -> None:
    limit = DeadLetterLimit("measurements", 0.5)
    for _ in range(5):
        feed(limit, rejected_devices=2, accepted_devices=2)
        limit.check()


def test_a_flood_of_rubbish_from_one_device_stops_nobody() -> None:
    limit = DeadLetterLimit("measurements", 0.5)
    for _ in range(10 * WINDOW_MESSAGE_COUNT):
        limit.reject(letter(1))
        limit.accept("sensor.dev-2.measurements")
        limit.accept("sensor.dev-3.measurements")
        limit.check()


def test_devices_that_wait_for_approval_do_not_count() -> None:
    limit = DeadLetterLimit("measurements", 0.5)
    for _ in range(2 * WINDOW_MESSAGE_COUNT):
        limit.reject(letter(1, "not_approved"))
    limit.check()


def test_a_share_of_one_never_stops() -> None:
    limit = DeadLetterLimit("measurements", 1.0)
    feed(limit, rejected_devices=3, accepted_devices=0)
    limit.check()
