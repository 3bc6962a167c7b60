"""Which level answers for which stretch of time."""

from hypothesis import given
from hypothesis import strategies as st

from weir.postgres.queries.segments import GRIDS, Segment, Step, even_ladder, split
from weir.postgres.rollup_buckets import DAY_US, HOUR_US, MINUTE_US
from weir.postgres.rollup_statements import Level
from weir.timeseries.grid import ListedGrid

INSTANTS = st.integers(0, 5 * DAY_US)
#: Midnights half an hour after an hour.
LOCAL_DAYS = ListedGrid(day * DAY_US + 7 * HOUR_US // 2 for day in range(-2, 8))
LOCAL_LADDER = [
    Step(Level.SITE_DAY, LOCAL_DAYS),
    *(Step(level, GRIDS[level]) for level in (Level.HOUR, Level.MINUTE)),
]


def test_edges_are_read_from_what_is_finer() -> None:
    since, until = 50 * MINUTE_US + 30, 2 * DAY_US + HOUR_US
    segments = split(since, until, until, even_ladder(DAY_US))

    assert [
        Segment(None, since, 51 * MINUTE_US),
        Segment(Level.MINUTE, 51 * MINUTE_US, HOUR_US),
        Segment(Level.HOUR, HOUR_US, DAY_US),
        Segment(Level.DAY, DAY_US, 2 * DAY_US),
        Segment(Level.HOUR, 2 * DAY_US, until),
    ] == segments


def test_what_is_not_rolled_up_is_read_raw() -> None:
    ladder = even_ladder(HOUR_US)

    assert [Segment(None, 0, HOUR_US)] == split(0, HOUR_US, None, ladder)
    assert [
        Segment(Level.HOUR, 0, HOUR_US),
        Segment(Level.MINUTE, HOUR_US, HOUR_US + MINUTE_US),
        Segment(None, HOUR_US + MINUTE_US, 2 * HOUR_US),
    ] == split(0, 2 * HOUR_US, HOUR_US + MINUTE_US, ladder)


def test_a_narrow_width_is_not_made_of_wide_levels() -> None:
    assert [Level.MINUTE] == [step.level for step in even_ladder(15 * MINUTE_US)]
    assert [Level.HOUR, Level.MINUTE] == [step.level for step in even_ladder(6 * HOUR_US)]


@given(INSTANTS, INSTANTS, st.none() | INSTANTS)
def test_segments_cover_a_range_once_and_reach_over_no_local_midnight(
    one: int, other: int, tail: int | None
) -> None:
    since, until = sorted((one, other))
    segments = split(since, until, tail, LOCAL_LADDER)

    reached = since
    for segment in segments:
        assert reached == segment.since_us < segment.until_us
        reached = segment.until_us
        if segment.level is Level.HOUR:
            starts = range(segment.since_us, segment.until_us, HOUR_US)
            assert all(
                LOCAL_DAYS.floor(start) == LOCAL_DAYS.floor(start + HOUR_US - 1) for start in starts
            )
    assert reached == until
