"""When a device is polled, and for which time. Pure: whoever polls gives the present instant."""

from dataclasses import dataclass

from weir.driver import Poll

#: After a hold-up no more than this is asked for afterwards; what is older is a gap.
CATCH_UP_S_MAX = 60.0
#: A device that fails again and again is asked at least so often, or every cycle if that is rarer.
BACKOFF_S_MAX = 60.0
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """Polls at multiples of the interval since 1970, whenever the agent was started.

    A poll covers the time from the end of the one before it; its end is a multiple, and is the
    time of all that a driver reads at once.

    `phase_us`: how much later than its end a poll begins.
    """

    interval_us: int
    phase_us: int = 0

    def first(self, now_us: int) -> Poll:
        """Give the first poll: up to the next multiple."""
        end_us = self._next_end(now_us)
        return Poll(end_us - self.interval_us, end_us)

    def next(self, now_us: int, before: Poll, failure_count: int = 0) -> Poll:
        """Give the poll after another one, in the future; what was missed meanwhile is in it.

        `failure_count`: polls that have failed one after another: the device gets a rest.
        """
        earliest_us = max(now_us, before.end_us + self._rest_us(failure_count))
        end_us = self._next_end(earliest_us)
        return Poll(max(before.end_us, end_us - self._reach_us), end_us)

    def due_us(self, poll: Poll) -> int:
        """Tell when a poll is to begin."""
        return poll.end_us + self.phase_us

    def missed_us(self, before: Poll, poll: Poll) -> int:
        """Tell how much time lies between two polls that none of them covers."""
        return max(0, poll.start_us - before.end_us)

    @property
    def _reach_us(self) -> int:
        return max(round(CATCH_UP_S_MAX * _SECOND_US), self.interval_us)

    def _next_end(self, now_us: int) -> int:
        return (now_us // self.interval_us + 1) * self.interval_us

    def _rest_us(self, failure_count: int) -> int:
        """Double the wait with each failure after the first, up to the limit."""
        if failure_count < 2:  # noqa: PLR2004 - one failure may be an accident
            return 0
        # Past any limit there is nothing to double.
        cycles = (1 << min(failure_count - 1, 32)) - 1
        longest_us = max(round(BACKOFF_S_MAX * _SECOND_US), self.interval_us)
        return min(cycles * self.interval_us, longest_us - self.interval_us)


def to_interval_us(interval_s: float) -> int:
    """Give an interval as whole microseconds, at least one."""
    return max(1, round(interval_s * _SECOND_US))
