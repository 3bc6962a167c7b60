"""What there still is of a series at each level, and how far the rollups have come."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from weir.clock import to_us
from weir.postgres.pool import Connection
from weir.postgres.queries.segments import GRIDS, Segment
from weir.postgres.rollup_statements import Level

_ALWAYS = datetime.min.replace(tzinfo=UTC)
#: Rollups have every reading that came before `rolled_until`; one whose device's clock is a little
#: behind may have come later, so the last minute is left to the readings.
_TAIL = """
    SELECT date_trunc('minute', min(rolled_until)) - interval '1 minute' FROM rollup_progress
    """
#: The finest first: what the messages call each, and which rollups it is.
_NAMES = {None: "raw readings", Level.MINUTE: "1m", Level.HOUR: "1h", Level.DAY: "1d"}


@dataclass(frozen=True, slots=True)
class Kept:
    """From when on readings, minutes, hours and days are still there."""

    raw_from: datetime = _ALWAYS
    minute_from: datetime = _ALWAYS
    hour_from: datetime = _ALWAYS
    day_from: datetime = _ALWAYS

    @classmethod
    def of(cls, row: asyncpg.Record) -> "Kept":
        """Read a row that was joined with `series_kept`; NULL: there is no row, so all is there."""
        # The driver gives -infinity as the least datetime, of no time zone.
        return cls(*((row[name] or _ALWAYS).replace(tzinfo=UTC) for name in cls.__slots__))

    def at(self, level: Level | None) -> datetime:
        """Give from when on a level is there; None: the readings."""
        match level:
            case None:
                return self.raw_from
            case Level.MINUTE:
                return self.minute_from
            case Level.HOUR:
                return self.hour_from
            case _:
                return self.day_from

    def finest_at(self, at_us: int) -> Level | None:
        """Give the finest level that has an instant; the days, when none has it."""
        for level in _NAMES:
            if to_us(self.at(level)) <= at_us:
                return level
        return Level.DAY

    def lacks(self, segments: Iterable[Segment]) -> Segment | None:
        """Give the first segment that is not there any more, if there is one."""
        for segment in segments:
            if segment.since_us < to_us(self.at(segment.level)):
                return segment
        return None

    def widened(self, since_us: int) -> int:
        """Move a start back to where the finest level that is left there begins a bucket."""
        level = self.finest_at(since_us)
        return since_us if level is None else GRIDS[level].floor(since_us)

    def describe(self) -> str:
        """Say what is kept from when on, the finest first."""
        parts = [
            f"{name} from {kept_from:%Y-%m-%dT%H:%M:%SZ} on"
            if (kept_from := self.at(level)) > _ALWAYS
            else f"{name} for ever"
            for level, name in _NAMES.items()
        ]
        return ", ".join(parts)


def name_of(level: Level | None) -> str:
    """Give what a message calls a level."""
    return _NAMES[Level.DAY if level is Level.SITE_DAY else level]


async def find_tail(connection: Connection) -> datetime | None:
    """Give the instant from which on readings count and not rollups; None: there are no rollups."""
    tail: datetime | None = await connection.fetchval(_TAIL)
    return tail
