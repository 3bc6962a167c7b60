"""The one place that asks for the time of day."""

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time; a parameter wherever the time matters."""

    def now(self) -> datetime:
        """Give the present instant, UTC."""
        ...


class SystemClock:
    """The computer's own clock."""

    def now(self) -> datetime:
        """Give the present instant, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the place


def to_us(instant: datetime) -> int:
    """Give an instant as microseconds since 1970-01-01 UTC, exactly."""
    delta = instant - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_us(instant_us: int) -> datetime:
    """Give the instant that is so many microseconds after 1970-01-01 UTC, exactly.

    Raises:
        OverflowError: it is beyond the year 9999.
    """
    return _EPOCH + timedelta(microseconds=instant_us)


def iso(instant: datetime) -> str:
    """Write an instant as ISO 8601 with `Z`, to the microsecond."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
