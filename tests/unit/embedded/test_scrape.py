"""Rates and lags out of Prometheus's text format."""

import pytest

from weir.embedded.scrape import WINDOW_S, Figures, Rate, read_figures

STORED = """\
# TYPE weir_readings_stored_total counter
weir_readings_stored_total{consumer="measurements"} 41.0
weir_readings_stored_total{consumer="other"} 1.0
# TYPE weir_lag_seconds gauge
weir_lag_seconds{consumer="measurements"} 0.25
weir_lag_seconds{consumer="other"} 0.5
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Figures()),
        (STORED, Figures(reading_count=42.0, lags_s={"measurements": 0.25, "other": 0.5})),
        ("weir_readings_published_total 7.0\n", Figures(reading_count=7.0)),
        ('weir_lag_seconds{consumer="logs"} NaN\n', Figures()),
    ],
)
def test_figures_are_read(text: str, expected: Figures) -> None:
    assert read_figures(text) == expected


def test_the_lag_of_a_process_is_the_longest_of_its_consumers() -> None:
    assert 0.5 == read_figures(STORED).lag_s
    assert Figures().lag_s is None


def test_a_consumer_runs_when_it_says_so() -> None:
    text = (
        'weir_consumer_running{consumer="logs"} 1.0\nweir_consumer_running{consumer="gaps"} 0.0\n'
    )
    assert {"logs"} == read_figures(text).running


def test_a_counter_seen_once_has_no_rate() -> None:
    rate = Rate()
    assert rate.per_s is None
    rate.add(0.0, 100.0)
    assert rate.per_s is None


def test_a_rate_is_averaged_over_the_window() -> None:
    rate = Rate()
    for second in range(20):
        rate.add(float(second), 0.0 if second < 10 else 50.0 * (second - 9))
    assert rate.per_s == 50.0
    rate.add(19.0 + WINDOW_S, 500.0)
    assert rate.per_s == 0.0


def test_a_restarted_process_starts_a_new_rate() -> None:
    rate = Rate()
    rate.add(0.0, 1_000.0)
    rate.add(1.0, 10.0)
    assert rate.per_s is None
    rate.add(2.0, 15.0)
    assert rate.per_s == 5.0
