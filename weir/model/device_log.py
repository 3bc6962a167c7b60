"""A line that a device wrote to its log."""

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Log lines that came together; `offset`: of their message in the stream.

    `boot_id`: 0 where the device tells none. `dropped_count`: lines behind `entries` that are left
    out, because their device floods.
    """

    serial: str
    offset: int
    received_at_us: int
    boot_id: int
    entries: Sequence[LogEntry]
    dropped_count: int = 0
