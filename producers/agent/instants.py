"""Which time it is at a device whose clock may be wrong, unset, or set while it measures.

Readings get their times from a clock that never jumps (seconds since boot, sleep included) and an
offset. The computer's own clock decides the offset: at the start where it is plausible, else as
soon as it becomes so. Until then times count from the last one that was known, messages carry the
number of an epoch, stay in the spool, and are moved as a whole once the offset is known. Pure, but
for `SystemInstants`.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

#: No computer that runs this can have been set before its release: 2026-01-01.
PLAUSIBLE_US = 1_767_225_600_000_000
#: The computer's clock may differ so much from ours before it counts as set anew; what adjusts it
#: gently moves both.
STEP_US = 1_000_000
#: A clock that is set to before an earlier time is believed after this: then that time was wrong.
PATIENCE_US = 600_000_000
_SECOND_US = 1_000_000
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Instants(Protocol):
    """The two clocks of a computer, in microseconds."""

    def wall_us(self) -> int:
        """Give the time of day since 1970-01-01 UTC, as far as the computer knows."""
        ...

    def steady_us(self) -> int:
        """Give the time since the computer has started."""
        ...


class SystemInstants:
    """The clocks of this computer."""

    def wall_us(self) -> int:
        """Give the time of day."""
        return time.time_ns() // 1_000

    def steady_us(self) -> int:
        """Give the time since boot; goes on while the computer sleeps (Linux)."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000


@dataclass(frozen=True, slots=True)
class Timebase:
    """How instants are made of the steady clock.

    Attributes:
        offset_us: what is added to the steady clock.
        epoch: 0: the offset is right; else the number of the epoch that waits for the right one.
        since_us: by the steady clock, when an unknown offset was taken.
        step_count: how often the clock went back; added to instants in microseconds, so that no
            instant is used for a second reading.
    """

    offset_us: int
    epoch: int = 0
    since_us: int = 0
    step_count: int = 0

    @property
    def is_known(self) -> bool:
        """Whether instants are right."""
        return self.epoch == 0

    def at(self, steady_us: int) -> int:
        """Give the instant, since 1970-01-01 UTC."""
        return steady_us + self.offset_us


@dataclass(frozen=True, slots=True)
class ClockChange:
    """The offset was corrected by `by_us`; `was_known` false: the clock was unset before."""

    by_us: int
    was_known: bool


def begin(instants: Instants, last_known_us: int, epoch: int) -> Timebase:
    """Make the first timebase of a start.

    `last_known_us`: the latest instant of earlier starts. A clock before it is unset: then instants
    count from there, under the number `epoch`.
    """
    wall_us, steady_us = instants.wall_us(), instants.steady_us()
    earliest_us = max(PLAUSIBLE_US, last_known_us)
    if wall_us >= earliest_us:
        return Timebase(wall_us - steady_us)
    return Timebase(earliest_us - steady_us, epoch, steady_us)


def look(instants: Instants, base: Timebase) -> tuple[Timebase, ClockChange | None]:
    """Compare with the computer's clock; gives the timebase from now on, and what changed."""
    wall_us, steady_us = instants.wall_us(), instants.steady_us()
    by_us = wall_us - base.at(steady_us)
    if wall_us < PLAUSIBLE_US or (base.is_known and abs(by_us) < STEP_US):
        return base, None
    if not base.is_known and by_us < 0 and steady_us - base.since_us < PATIENCE_US:
        return base, None
    after = Timebase(offset_us=base.offset_us + by_us, step_count=base.step_count + (by_us < 0))
    return after, ClockChange(by_us, base.is_known)


def boot_id() -> str:
    """Name this boot of the computer; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def seconds(us: int) -> float:
    """Give microseconds as seconds, to the microsecond."""
    return us / _SECOND_US
