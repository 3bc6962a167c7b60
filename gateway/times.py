"""Instants as clients write and read them."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import PlainSerializer

_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_RELATIVE = re.compile(r"-?((?:\d{1,9}[wdhms])+)")
_STEP = re.compile(r"(\d+)([wdhms])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?"
)
HELP = (
    "a time ago (`5m`, `-5m`, `1h30m`; w, d, h, m, s), `now`, a day (`2026-03-14`), or a time "
    "(`2026-03-14T15:09:26Z`; without an offset: UTC)"
)


def parse_instant(text: str, now: datetime) -> datetime:
    """Read an instant: relative to `now`, or ISO 8601.

    Raises:
        ValueError: it is neither, or beyond the years 1 to 9999; the message is for the client.
    """
    relative = _RELATIVE.fullmatch(text)
    try:
        if text == "now":
            return now
        if relative:
            return now - _duration(relative[1])
        if _DATE.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), UTC)
        if _DATE_TIME.fullmatch(text):
            return _in_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"there is no such time: {text[:40]!r}") from error
    raise ValueError(f"not a time: {text[:40]!r}; give {HELP}; escape + in a URL as %2B")


def is_relative(text: str) -> bool:
    """Whether a text is a time ago, and so says a duration rather than an instant."""
    return _RELATIVE.fullmatch(text) is not None


def format_instant(instant: datetime) -> str:
    """Write an instant as ISO 8601 in UTC with microseconds, so that texts sort as times do."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


#: An instant in an answer.
Instant = Annotated[datetime, PlainSerializer(format_instant, return_type=str, when_used="json")]


def _duration(text: str) -> timedelta:
    total = timedelta()
    for amount, unit in _STEP.findall(text):
        total += timedelta(**{_UNITS[unit]: int(amount)})
    return total


def _in_utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
