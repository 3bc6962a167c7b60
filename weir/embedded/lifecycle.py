"""When a part starts, counts as running, and starts again after its end. Pure: time is passed in.

waiting ─► starting ─► ready ─► backing_off ─► starting ─► ...
              │ a task: ended with 0 ─► done
"""

from dataclasses import dataclass
from enum import StrEnum

#: Wait before the first restart; it doubles with each end that follows too soon.
RESTART_DELAY_S_BASE = 0.5
RESTART_DELAY_S_MAX = 30.0
#: A part that was ready for so long has recovered: its next end is a first one again.
STABLE_AFTER_S = 60.0
#: A part that does not become ready in this time is ended and started again.
START_TIMEOUT_S = 120.0


class PartState(StrEnum):
    """How a part is."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    BACKING_OFF = "backing_off"
    STOPPED = "stopped"


@dataclass(slots=True)
class Lifecycle:
    """The state of one part, and when it changes; all times are monotonic seconds.

    Attributes:
        is_task: it has come to a good end when it exits with 0; others never should.
        since: when `state` was entered.
        restart_count: since the supervisor started.
        exit_code: of the last end.
    """

    is_task: bool = False
    state: PartState = PartState.WAITING
    since: float = 0.0
    restart_count: int = 0
    exit_code: int | None = None
    _quick_end_count: int = 0

    @property
    def is_up(self) -> bool:
        """Tell whether parts that wait for this one may start."""
        return self.state in {PartState.READY, PartState.DONE}

    @property
    def is_running(self) -> bool:
        """Tell whether there is a process."""
        return self.state in {PartState.STARTING, PartState.READY}

    def is_due(self, now: float) -> bool:
        """Tell whether it should be started now, if what it waits for is up."""
        if self.state is PartState.BACKING_OFF:
            return now >= self.since + self.restart_delay_s
        return self.state is PartState.WAITING

    def is_overdue(self, now: float) -> bool:
        """Tell whether it should have become ready by now."""
        return self.state is PartState.STARTING and now > self.since + START_TIMEOUT_S

    @property
    def restart_delay_s(self) -> float:
        """How long to wait after its last end."""
        doublings = max(self._quick_end_count - 1, 0)
        return min(RESTART_DELAY_S_BASE * 2.0**doublings, RESTART_DELAY_S_MAX)

    def started(self, now: float) -> None:
        """Note that its process was started."""
        if self.state is PartState.BACKING_OFF:
            self.restart_count += 1
        self._enter(PartState.STARTING, now)

    def became_ready(self, now: float) -> None:
        """Note that it answers."""
        self._enter(PartState.READY, now)

    def ended(self, now: float, exit_code: int) -> None:
        """Note the end of its process."""
        self.exit_code = exit_code
        if self.is_task and exit_code == 0:
            self._enter(PartState.DONE, now)
            return
        was_stable = self.state is PartState.READY and now - self.since >= STABLE_AFTER_S
        # Beyond the longest wait there is nothing to count, and 2.0**1024 would overflow.
        if was_stable:
            self._quick_end_count = 1
        elif self.restart_delay_s < RESTART_DELAY_S_MAX:
            self._quick_end_count += 1
        self._enter(PartState.BACKING_OFF, now)

    def stopped(self, now: float) -> None:
        """Note that it was stopped on purpose; what is done stays done."""
        if self.state is not PartState.DONE:
            self._enter(PartState.STOPPED, now)

    def _enter(self, state: PartState, now: float) -> None:
        self.state = state
        self.since = now
