"""Where in the streams something starts, as people write it."""

from datetime import UTC, datetime

from weir.errors import ConfigError

START_HELP = "first, last, an offset, or a time such as 2026-11-20T06:00:00Z."


def parse_start(text: str) -> int | datetime | None:
    """Give an offset, a time (UTC where it names no zone), or None for the end.

    Raises:
        ConfigError: it is none of these.
    """
    if text == "first":
        return 0
    if text == "last":
        return None
    if text.isdecimal():
        return int(text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text!r} is no place in a stream: {START_HELP}") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
