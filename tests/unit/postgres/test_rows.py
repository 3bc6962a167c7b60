"""Gathering the readings of one commit: sorted, without a key twice, the right one kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.codec.measurement import FieldColumn
from weir.postgres.rows import Rows, gather

Part = tuple[int, list[int], list[float]]


def column(times: list[int], values: list[float], *, arrays: bool = False) -> FieldColumn:
    if arrays:
        return FieldColumn(
            "f", "", 0, np.array(times, dtype=np.int64), np.array(values, dtype=np.float64), ()
        )
    return FieldColumn("f", "", 0, times, values, ())


def as_dict(rows: Rows) -> dict[tuple[int, int], float]:
    keys = zip(rows.series_ids.tolist(), rows.observed_at_us.tolist(), strict=True)
    return dict(zip(keys, rows.values.tolist(), strict=True))


readings = st.lists(st.tuples(st.integers(0, 8), st.sampled_from([1.0, 2.0])), min_size=1)
parts = st.lists(st.tuples(st.integers(1, 4), readings, st.booleans()), min_size=1, max_size=12)


@given(parts=parts, keep_last=st.booleans())
def test_any_arrival_is_sorted_and_keeps_one_reading_of_each_instant(
    parts: list[tuple[int, list[tuple[int, float]], bool]], keep_last: bool
) -> None:
    columns = [
        (series, column([t for t, _ in pairs], [v for _, v in pairs], arrays=arrays))
        for series, pairs, arrays in parts
    ]
    expected: dict[tuple[int, int], float] = {}
    given_count = 0
    for series, pairs, _ in parts:
        for instant, value in pairs:
            given_count += 1
            if keep_last:
                expected[series, instant] = value
            else:
                expected.setdefault((series, instant), value)

    rows = gather(columns, keep_last=keep_last)

    assert expected == as_dict(rows)
    keys = list(as_dict(rows))
    assert sorted(keys) == keys
    assert given_count == len(rows) + rows.repeated_count + rows.conflicting_count


def test_repeats_and_conflicts_within_one_commit_are_told_apart() -> None:
    rows = gather([(7, column([1, 2], [1.0, 2.0])), (7, column([2, 2], [2.0, 3.0]))])

    assert {(7, 1): 1.0, (7, 2): 2.0} == as_dict(rows)
    assert (1, 1) == (rows.repeated_count, rows.conflicting_count)


def test_an_earlier_arrival_wins_although_its_column_starts_later() -> None:
    rows = gather([(1, column([5, 6], [50.0, 60.0])), (1, column([4, 5], [40.0, 55.0]))])

    assert {(1, 4): 40.0, (1, 5): 50.0, (1, 6): 60.0} == as_dict(rows)


@pytest.mark.parametrize("count", [1, 3, 100])
def test_columns_of_any_length_take_every_path_to_the_same_rows(count: int) -> None:
    times, values = list(range(count)), [float(n) for n in range(count)]

    lists = gather([(2, column(times, values)), (1, column(times, values))])
    arrays = gather([(2, column(times, values, arrays=True)), (1, column(times, values))])

    assert as_dict(lists) == as_dict(arrays)
    assert 2 * count == len(lists)


def test_columns_of_texts_have_no_rows() -> None:
    texts = FieldColumn("f", "", 0, [1], [], ["open"])

    assert 0 == len(gather([(1, texts)]))
    assert 0 == len(gather([]))


def test_qualities_go_where_their_readings_go() -> None:
    doubted = FieldColumn("f", "", 3, [30, 10], [3.0, 1.0], ())
    trusted = FieldColumn("f", "", 1, [20, 30], [2.0, 9.0], ())

    rows = gather([(1, doubted), (1, trusted)])

    assert rows.qualities is not None
    assert [(10, 1.0, 3), (20, 2.0, 0), (30, 3.0, 3)] == list(
        zip(
            rows.observed_at_us.tolist(), rows.values.tolist(), rows.qualities.tolist(), strict=True
        )
    )


def test_readings_that_nothing_is_known_against_have_no_qualities() -> None:
    assert gather([(1, column([1], [1.0])), (2, column([1, 2], [1.0, 2.0]))]).qualities is None
