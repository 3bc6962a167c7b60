"""Waits double up to a bound, are jittered downwards, and start over after success."""

import random

from weir.runtime.backoff import BACKOFF_BASE_S, BACKOFF_MAX_S, JITTER, Backoff


def test_waits_double_up_to_the_bound() -> None:
    backoff = Backoff(random.Random(7))

    waits = [backoff.next_s() for _ in range(2_000)]

    assert BACKOFF_BASE_S * (1 - JITTER) <= waits[0] <= BACKOFF_BASE_S
    assert BACKOFF_BASE_S * 2 * (1 - JITTER) <= waits[1] <= BACKOFF_BASE_S * 2
    assert BACKOFF_MAX_S >= max(waits)
    assert BACKOFF_MAX_S * (1 - JITTER) <= min(waits[100:])


def test_success_starts_over() -> None:
    backoff = Backoff(random.Random(7))
    for _ in range(10):
        backoff.next_s()

    backoff.reset()

    assert BACKOFF_BASE_S >= backoff.next_s()
