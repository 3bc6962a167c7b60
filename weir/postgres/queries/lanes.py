"""How far a reader of several series has come in each: what pages and live views continue from.

Pure. A lane is the numbers or the texts of one series. Within a lane times strictly ascend, so one
instant says exactly what has been read, however lanes are interleaved.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

#: PostgreSQL's resolution.
_STEP = timedelta(microseconds=1)
LAST_INSTANT = datetime.max.replace(tzinfo=UTC)


class Lane(NamedTuple):
    """The numbers or the texts of one series."""

    series_id: int
    is_text: bool


class Position(NamedTuple):
    """A place in the order of readings: by time, then series, numbers before texts."""

    observed_at: datetime
    lane: Lane


@dataclass(frozen=True, slots=True)
class LaneStart:
    """A lane, and the first instant in it that is still to be read."""

    lane: Lane
    since: datetime


def lanes_of(series_ids: Iterable[int]) -> list[Lane]:
    """Give both lanes of each series."""
    return [Lane(series_id, is_text) for series_id in series_ids for is_text in (False, True)]


def starts_after(lanes: Sequence[Lane], since: datetime, after: Position | None) -> list[LaneStart]:
    """Continue a page: everything from `since` that comes behind `after` in the order."""
    if after is None or after.observed_at < since:
        return [LaneStart(lane, since) for lane in lanes]
    return [
        LaneStart(lane, after.observed_at if lane > after.lane else _next(after.observed_at))
        for lane in lanes
    ]


def starts_in_each(
    lanes: Sequence[Lane], since: datetime, seen: Mapping[Lane, datetime]
) -> list[LaneStart]:
    """Continue a live view: in each lane what is behind the last seen, or from `since`."""
    return [LaneStart(lane, _next(seen[lane]) if lane in seen else since) for lane in lanes]


def _next(instant: datetime) -> datetime:
    return instant if instant == LAST_INSTANT else instant + _STEP
