"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime, timedelta

#: Any instant does; this one is far from the start of a year, a month and a day.
START = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


class ManualClock:
    """Tells the time that the test has set."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def now(self) -> datetime:
        """Give the present instant, UTC."""
        return self._now

    def monotonic(self) -> float:
        """Give the seconds since `START`, for code that measures durations."""
        return (self._now - START).total_seconds()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
