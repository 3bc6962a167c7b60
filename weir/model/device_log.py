"""A line that a device wrote to its log."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a log line is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One log line; `logged_at_us`: microseconds since 1970-01-01 UTC, 0 when unknown."""

    logged_at_us: int
    level: Level
    message: str
    attributes: dict[str, str]
