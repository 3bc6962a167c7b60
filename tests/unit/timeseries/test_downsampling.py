"""Few points of many that look the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.timeseries.downsampling import Preselection, downsample

CURVES = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=300)


@given(CURVES, st.integers(3, 60))
def test_it_keeps_to_the_number_and_to_what_was_measured(
    values: list[float], max_points: int
) -> None:
    instants = np.arange(len(values), dtype=np.int64) * 1_000_000
    kept_at, kept = downsample(instants, np.array(values), max_points)

    assert min(max_points, len(values)) == len(kept)
    assert (kept_at[0], kept_at[-1]) == (instants[0], instants[-1])
    assert np.all(np.diff(kept_at) > 0)
    assert [values[at // 1_000_000] for at in kept_at] == kept.tolist()


@given(CURVES, st.integers(3, 60), st.integers(1, 50))
def test_extremes_survive_the_preselection_whatever_the_pieces(
    values: list[float], max_points: int, piece_size: int
) -> None:
    instants = np.arange(len(values), dtype=np.int64)
    preselection = Preselection(len(values), max_points)
    for begin in range(0, len(values), piece_size):
        piece = slice(begin, begin + piece_size)
        preselection.add(instants[piece], np.array(values[piece]))
    kept_at, kept = preselection.points()

    assert (min(values), max(values)) == (kept.min(), kept.max())
    assert (0, len(values) - 1) == (kept_at[0], kept_at[-1])
    assert [values[at] for at in kept_at] == kept.tolist()
    assert len(kept) <= max(len(values), 4 * max_points + 4)


def test_a_spike_among_a_million_is_drawn() -> None:
    values = np.sin(np.arange(1_000_000) / 50_000)
    values[654_321] = 40.0
    preselection = Preselection(len(values), 500)
    preselection.add(np.arange(len(values), dtype=np.int64), values)
    kept_at, kept = downsample(*preselection.points(), 500)

    assert 500 == len(kept)
    assert 40.0 == kept.max()
    assert 654_321 in kept_at
    # Elsewhere the line between the points stays on the curve.
    drawn = np.interp(np.arange(600_000), kept_at, kept)
    assert pytest.approx(0.0, abs=0.01) == np.abs(drawn - values[:600_000]).max()
