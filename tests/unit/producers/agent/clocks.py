"""Clocks of a computer that a test moves."""

from producers.agent.instants import PLAUSIBLE_US

SECOND = 1_000_000
#: Any instant after the release does.
NOW_US = PLAUSIBLE_US + 123_456_789 * SECOND


class ManualInstants:
    """A computer that was started an hour ago."""

    def __init__(self, wall_us: int = NOW_US) -> None:
        self.wall = wall_us
        self.steady = 3_600 * SECOND

    def wall_us(self) -> int:
        return self.wall

    def steady_us(self) -> int:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += round(seconds * SECOND)
        self.steady += round(seconds * SECOND)
