"""How often somebody may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rate_limits import Buckets, Rate
from weir.errors import TooManyRequestsError

RATE = Rate(burst=3, per_s=0.5)


def passes(buckets: Buckets, key: str, now_s: float) -> bool:
    try:
        buckets.take(key, now_s, "requests")
    except TooManyRequestsError:
        return False
    return True


def test_a_burst_passes_and_then_the_rate() -> None:
    buckets = Buckets(RATE)

    assert [True, True, True, False] == [passes(buckets, "a", 0) for _ in range(4)]
    assert [False, True, False] == [passes(buckets, "a", at) for at in (1, 2, 3)]


def test_each_has_a_bucket_of_their_own() -> None:
    buckets = Buckets(RATE)
    for _ in range(4):
        passes(buckets, "a", 0)

    assert passes(buckets, "b", 0)


def test_it_says_when_to_ask_again() -> None:
    buckets = Buckets(RATE)
    for _ in range(3):
        buckets.take("a", 0, "requests")

    with pytest.raises(TooManyRequestsError, match="too many requests") as caught:
        buckets.take("a", 1, "requests")

    assert caught.value.retry_after_s == pytest.approx(1)
    assert passes(buckets, "a", 1 + caught.value.retry_after_s)


def test_what_is_given_back_can_be_taken_again() -> None:
    buckets = Buckets(RATE)
    for _ in range(10):
        buckets.take("a", 0, "logins")
        buckets.give_back("a", 0)

    assert passes(buckets, "a", 0)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 100))))
def test_memory_and_passes_are_bounded(asked: list[tuple[str, float]]) -> None:
    buckets = Buckets(RATE, count_max=4)

    passed = [at for key, at in sorted(asked, key=lambda each: each[1]) if passes(buckets, key, at)]

    assert len(buckets) <= 4
    only_a = [at for key, at in asked if key == "a"]
    if len(only_a) == len(asked) and asked:
        span_s = max(only_a) - min(only_a)
        assert len(passed) <= RATE.burst + span_s * RATE.per_s + 1e-6


def test_a_clock_that_goes_back_refills_nothing() -> None:
    buckets = Buckets(RATE)
    for _ in range(3):
        buckets.take("a", 100, "requests")

    assert not passes(buckets, "a", 0)
