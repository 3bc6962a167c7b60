"""How far a listener has come in each partition of the log, as the id of its last event."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from weir.errors import RequestError

#: Offset, then how many readings of that message were given, where it is not none.
_PLACE = re.compile(r"(\d{1,18})(?:\.(\d{1,6}))?")
_SEPARATOR = ","


class Place(NamedTuple):
    """The message of a partition that comes next, and how many of its readings were given."""

    offset: int
    reading_count: int = 0


def format_places(places: Sequence[Place]) -> str:
    """Write places as an event's id: `812,90.500`."""
    return _SEPARATOR.join(
        f"{offset}.{reading_count}" if reading_count else str(offset)
        for offset, reading_count in places
    )


def parse_places(text: str, stored: Sequence[Place]) -> list[Place]:
    """Read an event's id back; `stored`: how far each partition is stored.

    A partition that was added since begins at its beginning.

    Raises:
        RequestError: no such id, or one that this installation has not given.
    """
    parts = text.split(_SEPARATOR)
    matches = [_PLACE.fullmatch(part) for part in parts]
    if len(parts) > len(stored):
        raise RequestError("Last-Event-ID: it is of an installation with more partitions")
    places = [Place(int(match[1]), int(match[2] or 0)) for match in matches if match]
    if len(places) < len(parts):
        raise RequestError("Last-Event-ID: give back the id of the last event, unchanged")
    places += [Place(0)] * (len(stored) - len(places))
    if any(place > reached for place, reached in zip(places, stored, strict=True)):
        raise RequestError("Last-Event-ID: it is ahead of what is stored: not of this installation")
    return places
