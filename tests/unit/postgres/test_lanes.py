"""Continuing a page and a live view, against the plain meaning of their order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from weir.postgres.queries.lanes import (
    LAST_INSTANT,
    Lane,
    LaneStart,
    Position,
    lanes_of,
    starts_after,
    starts_in_each,
)

START = datetime(2026, 3, 14, tzinfo=UTC)
LANES = lanes_of([1, 2, 3])

instants = st.integers(0, 5).map(lambda us: START + timedelta(microseconds=us))
positions = st.builds(Position, instants, st.sampled_from(LANES))
stored = st.sets(positions, max_size=30).map(sorted)


def read(readings: list[Position], starts: list[LaneStart]) -> list[Position]:
    since = {start.lane: start.since for start in starts}
    return [each for each in readings if each.observed_at >= since[each.lane]]


@given(stored, instants, st.integers(1, 5))
def test_pages_give_every_reading_of_the_window_once_and_in_order(
    readings: list[Position], since: datetime, size: int
) -> None:
    given_readings: list[Position] = []
    after = None
    while True:
        page = read(readings, starts_after(LANES, since, after))[:size]
        given_readings += page
        if not page:
            break
        after = page[-1]

    assert given_readings == [each for each in readings if each.observed_at >= since]


@given(st.lists(stored, max_size=6), st.integers(1, 5))
def test_a_live_view_gives_every_reading_once_unless_it_came_late(
    arrivals: list[list[Position]], size: int
) -> None:
    readings: list[Position] = []
    expected: set[Position] = set()
    newest: dict[Lane, datetime] = {}
    seen: dict[Lane, datetime] = {}
    given_readings: list[Position] = []
    for arrival in arrivals:
        for each in sorted(arrival):
            if each.lane not in newest or each.observed_at > newest[each.lane]:
                expected.add(each)
        newest |= {
            each.lane: max(newest.get(each.lane, START), each.observed_at) for each in arrival
        }
        readings = sorted({*readings, *arrival})
        while page := read(readings, starts_in_each(LANES, START, seen))[:size]:
            seen |= {each.lane: each.observed_at for each in page}
            given_readings += page

    assert sorted(given_readings) == sorted(set(given_readings))
    assert set(given_readings) == expected


def test_nothing_comes_after_the_last_instant() -> None:
    lane = Lane(1, is_text=False)

    (start,) = starts_in_each([lane], START, {lane: LAST_INSTANT})

    assert start.since == LAST_INSTANT
