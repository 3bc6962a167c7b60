"""Every metric that Weir's processes expose, as data; labels are few and never a serial."""

import os
from dataclasses import dataclass
from functools import partial
from math import nan
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram, start_http_server

#: Seconds; from a fast handler to one that waits for a lock.
_HANDLE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

#: Messages; a commit takes whatever has come while the one before was running.
_COMMIT_BUCKETS = (1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000)
#: Seconds; from a quiet machine to a consumer that was down for minutes.
_END_TO_END_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

DELIVERIES = Counter(
    "weir_deliveries_total",
    "Deliveries settled, by consumer and by what became of them.",
    ["consumer", "disposition"],
)
READINGS_STORED = Counter(
    "weir_readings_stored_total", "Readings committed to the database.", ["consumer"]
)
DEVICE_EVENTS_STORED = Counter(
    "weir_device_events_stored_total", "Device events committed to the database.", ["consumer"]
)
LOCATIONS_STORED = Counter(
    "weir_locations_stored_total", "Locations committed to the database.", ["consumer"]
)
READINGS_REPEATED = Counter(
    "weir_readings_repeated_total",
    "Readings, device events and locations that were stored already, the same.",
    ["consumer"],
)
READINGS_CONFLICTING = Counter(
    "weir_readings_conflicting_total",
    "Readings and locations that were stored already with another value, which stays.",
    ["consumer"],
)
LOG_LINES = Counter(
    "weir_log_lines_total",
    "Log lines of devices, by what became of them: stored, stored before (repeated), older than "
    "lines are kept (expired), or too many of one device (flooded).",
    ["consumer", "disposition"],
)
MESSAGES_LOST = Counter(
    "weir_messages_lost_total",
    "Messages that a stream no longer held when their turn came.",
    ["consumer"],
)
ROLLUPS_WRITTEN = Counter(
    "weir_rollups_written_total", "Rollup buckets computed and committed.", ["consumer"]
)
MISSING_BATCHES = Gauge(
    "weir_missing_batches",
    "Batches that devices have numbered and that have not arrived, in the whole installation.",
)
DEVICES = Gauge(
    "weir_devices",
    "Devices in the whole installation by presence: online, offline, never_seen.",
    ["presence"],
)
HANDLE_SECONDS = Histogram(
    "weir_handle_seconds",
    "Time from taking a delivery or batch to its settlement.",
    ["consumer"],
    buckets=_HANDLE_BUCKETS,
)
COMMIT_MESSAGES = Histogram(
    "weir_commit_messages",
    "Messages that one commit settled.",
    ["consumer"],
    buckets=_COMMIT_BUCKETS,
)
END_TO_END_SECONDS = Histogram(
    "weir_end_to_end_seconds",
    "From the broker taking the oldest message of a commit until the commit.",
    ["consumer"],
    buckets=_END_TO_END_BUCKETS,
)
WAITING_MESSAGES = Gauge(
    "weir_waiting_messages",
    "Messages that the commit under way settles; while it fails they wait. 0: none is under way.",
    ["consumer", "source"],
)
LAG_SECONDS = Gauge(
    "weir_lag_seconds",
    "Age of the newest message in the last commit when it was committed.",
    ["consumer", "source"],
)
RUNNING = Gauge(
    "weir_consumer_running",
    "1 once the consumer has found its broker, its queues and its database, until it ends.",
    ["consumer"],
)
LAST_COMMIT_TIMESTAMP = Gauge(
    "weir_last_commit_timestamp_seconds",
    "When the consumer last committed what came from a stream, a queue or the journal.",
    ["consumer", "source"],
)
DEAD_LETTERS = Counter(
    "weir_dead_letters_total", "Messages rejected and kept.", ["consumer", "reason"]
)
COMMANDS = Counter(
    "weir_commands_total", "Steps of commands to devices, by the state that they led to.", ["state"]
)
COMMANDS_WAITING = Gauge(
    "weir_commands_waiting", "Commands to devices that are under way.", ["state"]
)
COMMANDS_WAITING_AGE = Gauge(
    "weir_commands_waiting_age_seconds",
    "How long ago the oldest command under way was requested; 0: there is none.",
    ["state"],
)
REQUESTS = Counter(
    "weir_http_requests_total",
    "Requests answered by the gateway.",
    ["route", "method", "status"],
)
READINGS_PUBLISHED = Counter(
    "weir_readings_published_total", "Readings that the broker acknowledged.", ["producer"]
)
DISK_FREE = Gauge(
    "weir_disk_free_bytes",
    "Bytes free on the disk of a folder that the process writes to: device_logs, which with iotctl "
    "up, and in compose.yaml unless its volumes are put elsewhere, is that of the database too.",
    ["directory"],
)
HEARTBEAT_TIMESTAMP = Gauge(
    "weir_heartbeat_timestamp_seconds", "When the event loop of the process last came round."
)


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit settled: whose it was, from which stream, queue or journal, how much.

    `first_at_s`, `last_at_s`: when its oldest and its newest message came, seconds since 1970.
    """

    consumer: str
    source: str
    message_count: int
    first_at_s: float
    last_at_s: float


def note_commit(commit: Commit, now_s: float) -> None:
    """Note a commit; ages are of two clocks, so what looks negative counts as none."""
    consumer, source = commit.consumer, commit.source
    COMMIT_MESSAGES.labels(consumer).observe(commit.message_count)
    END_TO_END_SECONDS.labels(consumer).observe(max(0.0, now_s - commit.first_at_s))
    LAG_SECONDS.labels(consumer, source).set(max(0.0, now_s - commit.last_at_s))
    LAST_COMMIT_TIMESTAMP.labels(consumer, source).set(now_s)


def watch_disk(directory: str, folder: Path) -> None:
    """Expose how much is free where a folder is or will be, as it is whenever somebody asks."""
    DISK_FREE.labels(directory).set_function(partial(free_bytes, folder))


def free_bytes(folder: Path) -> float:
    """Ask the file system; what cannot be asked is not a number, and no alert."""
    try:
        existing = next((path for path in (folder, *folder.parents) if path.exists()), folder)
        status = os.statvfs(existing)
    except OSError:
        return nan
    # What root keeps for itself is not free for us.
    return float(status.f_bavail * status.f_frsize)


def serve_metrics(host: str, port: int) -> None:
    """Serve `/metrics` from a thread of its own for the life of the process.

    Raises:
        OSError: the port is taken.
    """
    start_http_server(port, addr=host)
