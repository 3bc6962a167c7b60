"""Minutes that were touched and not yet computed, and how far a checkpoint may go without them."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from weir.clock import to_us
from weir.codec.touched import MINUTE_US, Minute

#: Late readings come in swarms: what they touch is computed together.
LATE_WAIT_S = 5
#: Left to the last readings of a minute to arrive.
GRACE_S = 2
#: The longest that a minute waits, also where a device's clock is ahead.
WAIT_S_MAX = 65
#: About 250 bytes each. With more series than that, a minute is computed more often.
MINUTES_MAX = 100_000


@dataclass(slots=True)
class _Mark:
    """A commit in which minutes were first touched.

    `offset` is where it started; everything that came before was received before `received_until`.
    """

    offset: int
    received_until: datetime | None
    minute_count: int = 0


@dataclass(slots=True)
class PendingMinutes:
    """What one partition's readings have touched since it was last computed.

    `stored_offset` is the checkpoint in the database, `reached_offset` what was taken since. Each
    minute waits a while from its first touch, however often it is touched meanwhile: so a busy one
    is computed a bounded number of times.
    """

    stored_offset: int
    reached_offset: int
    _received_until: datetime | None = None
    _stored_until: datetime | None = None
    _marks: deque[_Mark] = field(default_factory=deque)
    _waiting: dict[Minute, _Mark] = field(default_factory=dict)
    #: By the second when they are due.
    _due: dict[int, list[Minute]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def safe_offset(self) -> int:
        """How far everything is computed."""
        return self._marks[0].offset if self._marks else self.reached_offset

    @property
    def rolled_until(self) -> datetime | None:
        """Before when everything that the broker took is computed; None: not known."""
        return self._marks[0].received_until if self._marks else self._received_until

    def add(
        self,
        minutes: Iterable[Minute],
        next_offset: int,
        received_until: datetime | None,
        now: datetime,
    ) -> None:
        """Take what the messages before `next_offset` have touched.

        `received_until`: when the broker took the last of them.
        """
        mark = _Mark(self.reached_offset, self._received_until)
        now_s = to_us(now) // 1_000_000
        for minute in minutes:
            if minute not in self._waiting:
                self._waiting[minute] = mark
                self._due.setdefault(_due_s(minute[2], now_s), []).append(minute)
                mark.minute_count += 1
        if mark.minute_count:
            self._marks.append(mark)
        self.reached_offset = next_offset
        if received_until is not None:
            self._received_until = received_until

    @property
    def is_stored(self) -> bool:
        """Whether the database knows how far everything is computed."""
        return (self.stored_offset, self._stored_until) == (self.safe_offset, self.rolled_until)

    def note_stored(self) -> None:
        """Note that the database is about to know it."""
        self.stored_offset, self._stored_until = self.safe_offset, self.rolled_until

    def note_silence(self, since: datetime) -> None:
        """Note that every message from before `since` was taken."""
        self._received_until = max(self._received_until or since, since)

    def take_due(self, now: datetime) -> list[Minute]:
        """Take the minutes that have waited long enough; all of them when there are too many."""
        now_s = to_us(now) // 1_000_000
        is_full = len(self._waiting) > MINUTES_MAX
        taken: list[Minute] = []
        for due_s in [due_s for due_s in self._due if is_full or due_s <= now_s]:
            taken += self._due.pop(due_s)
        for minute in taken:
            self._waiting.pop(minute).minute_count -= 1
        while self._marks and not self._marks[0].minute_count:
            self._marks.popleft()
        return taken


def _due_s(minute_us: int, now_s: int) -> int:
    """Tell when a minute is to be computed that is first touched now; seconds since 1970."""
    ended_s = (minute_us + MINUTE_US) // 1_000_000 + GRACE_S
    return min(max(ended_s, now_s + LATE_WAIT_S), now_s + WAIT_S_MAX)
