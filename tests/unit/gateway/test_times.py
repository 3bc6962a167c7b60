"""Instants as clients write and read them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.times import format_instant, parse_instant

NOW = datetime(2026, 3, 14, 15, 9, 26, 535_897, UTC)

INSTANTS = {
    "now": NOW,
    "5m": NOW - timedelta(minutes=5),
    "-5m": NOW - timedelta(minutes=5),
    "1h30m": NOW - timedelta(minutes=90),
    "2w": NOW - timedelta(days=14),
    "0s": NOW,
    "2026-03-14": datetime(2026, 3, 14, tzinfo=UTC),
    "2026-03-14T15:09": datetime(2026, 3, 14, 15, 9, tzinfo=UTC),
    "2026-03-14 15:09:26": datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC),
    "2026-03-14T15:09:26.5Z": datetime(2026, 3, 14, 15, 9, 26, 500_000, UTC),
    "2026-03-14T15:09:26.000001Z": datetime(2026, 3, 14, 15, 9, 26, 1, UTC),
    "2026-03-14T15:09:26+05:30": datetime(2026, 3, 14, 9, 39, 26, tzinfo=UTC),
}
REFUSED = [
    "",
    "yesterday",
    "5",
    "m5",
    "5 m",
    "--5m",
    "999999999w",
    "2026-13-01",
    "2026-02-30",
    "2026-W01-1",
    "0000-01-01",
    "0001-01-01T00:00:00+14:00",
    "2026-03-14T25:00:00Z",
    "2026-03-14T15:09:26.1234567Z",
    "2026-03-14T15:09:26 01:00",
    "٢٠٢٦-03-14",
    "1e9",
    "5m\n",
]


@pytest.mark.parametrize(("text", "instant"), INSTANTS.items())
def test_an_instant_is_read(text: str, instant: datetime) -> None:
    assert instant == parse_instant(text, NOW)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_instant_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_instant(text, NOW)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_read_back_exactly(instant: datetime) -> None:
    assert instant == parse_instant(format_instant(instant), NOW)


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_written_instants_sort_as_times_do(one: datetime, other: datetime) -> None:
    assert (one < other) == (format_instant(one) < format_instant(other))


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        instant = parse_instant(text, NOW)
    except ValueError:
        return
    assert timedelta(0) == instant.utcoffset()


def test_an_instant_of_another_zone_is_written_in_utc() -> None:
    instant = datetime(2026, 3, 14, 15, tzinfo=timezone(timedelta(hours=2)))

    assert format_instant(instant) == "2026-03-14T13:00:00.000000Z"
