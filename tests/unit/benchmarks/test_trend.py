"""A slope, and how sure it is."""

import random

import pytest

from benchmarks.trend import BLOCK_COUNT, fit

SECONDS = 600


def noisy(slope: float, noise: float, seed: int = 7) -> list[tuple[float, float]]:
    """Make a sample a second: 100, rising by `slope` a minute, with noise."""
    rng = random.Random(seed)
    return [(float(at), 100 + slope * at / 60 + rng.gauss(0, noise)) for at in range(SECONDS)]


def test_a_rise_is_found_with_an_interval_around_it() -> None:
    trend = fit(noisy(slope=3.0, noise=5.0))

    assert trend.slope_min < 3.0 < trend.slope_max
    assert 115 == pytest.approx(trend.level, abs=1)
    assert not trend.is_flat(slope_max=1.0)


def test_noise_alone_is_flat() -> None:
    assert fit(noisy(slope=0.0, noise=5.0)).is_flat(slope_max=1.0)


def test_what_falls_is_flat() -> None:
    assert fit(noisy(slope=-3.0, noise=1.0)).is_flat(slope_max=0.0)


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
