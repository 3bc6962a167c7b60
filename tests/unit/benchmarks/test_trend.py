"""A slope, and how sure it is."""

import random

import pytest

from benchmarks.trend import BLOCK_COUNT, Thirds, fit, thirds

SECONDS = 600


def noisy(slope: float, noise: float, seed: int = 7) -> list[tuple[float, float]]:
    """Make a sample a second: 100, rising by `slope` a minute, with noise."""
    rng = random.Random(seed)
    return [(float(at), 100 + slope * at / 60 + rng.gauss(0, noise)) for at in range(SECONDS)]


def test_a_rise_is_found_with_an_interval_around_it() -> None:
    trend = fit(noisy(slope=3.0, noise=5.0))

    assert trend.slope_min < 3.0 < trend.slope_max
    assert 115 == pytest.approx(trend.level, abs=1)
    assert not trend.excludes(slope=1.0)


def test_noise_alone_is_flat() -> None:
    assert fit(noisy(slope=0.0, noise=5.0)).excludes(slope=1.0)


def test_what_falls_is_flat() -> None:
    assert fit(noisy(slope=-3.0, noise=1.0)).excludes(slope=0.0)


def test_a_few_spikes_change_nothing() -> None:
    calm = noisy(slope=0.0, noise=1.0)
    spiked = [(at, value + (5_000 if at % 100 == 99 else 0)) for at, value in calm]

    assert fit(calm).slope == pytest.approx(fit(spiked).slope, abs=0.2)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    trends = [fit(noisy(slope=0.0, noise=5.0, seed=seed)) for seed in range(200)]
    held_count = sum(trend.slope_min <= 0 <= trend.slope_max for trend in trends)

    assert 0.95 == pytest.approx(held_count / len(trends), abs=0.04)


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        fit(noisy(0.0, 1.0)[: 2 * BLOCK_COUNT - 1])


def test_the_rise_of_thirds_is_what_the_end_has_above_both_others() -> None:
    assert 3.0 == Thirds(first=1.0, middle=2.0, last=5.0).rise
    assert -1.0 == Thirds(first=1.0, middle=6.0, last=5.0).rise


def test_a_rise_shows_in_the_thirds() -> None:
    rising = [value for _, value in noisy(slope=3.0, noise=5.0)]

    assert 10.0 == pytest.approx(thirds(rising).rise, abs=2)


def test_a_busy_neighbour_for_less_than_half_of_a_third_is_no_rise() -> None:
    calm = [value for _, value in noisy(slope=0.0, noise=5.0)]
    disturbed = [*calm[:-80], *(value + 500 for value in calm[-80:])]

    assert thirds(disturbed).rise < 5.0


def test_what_was_busier_before_is_no_rise() -> None:
    assert thirds([500.0] * 200 + [100.0] * 400).rise <= 0


def test_two_samples_have_no_thirds() -> None:
    with pytest.raises(ValueError, match="too few"):
        thirds([1.0, 2.0])
