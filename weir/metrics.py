"""Every metric that Weir's processes expose, as data; labels are few and never a serial."""

from prometheus_client import Counter, Gauge, Histogram, start_http_server

#: Seconds; from a fast handler to one that waits for a lock.
_HANDLE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

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
LAG_SECONDS = Gauge(
    "weir_lag_seconds",
    "Age of the newest message in the last commit when it was committed.",
    ["consumer"],
)
RUNNING = Gauge(
    "weir_consumer_running",
    "1 once the consumer has found its broker, its queues and its database, until it ends.",
    ["consumer"],
)
LAST_COMMIT_TIMESTAMP = Gauge(
    "weir_last_commit_timestamp_seconds", "When the consumer last committed.", ["consumer"]
)
DEAD_LETTERS = Counter(
    "weir_dead_letters_total", "Messages rejected and kept.", ["consumer", "reason"]
)
REQUESTS = Counter(
    "weir_http_requests_total",
    "Requests answered by the gateway.",
    ["route", "method", "status"],
)
READINGS_PUBLISHED = Counter(
    "weir_readings_published_total", "Readings that the broker acknowledged.", ["producer"]
)
HEARTBEAT_TIMESTAMP = Gauge(
    "weir_heartbeat_timestamp_seconds", "When the event loop of the process last came round."
)


def serve_metrics(host: str, port: int) -> None:
    """Serve `/metrics` from a thread of its own for the life of the process.

    Raises:
        OSError: the port is taken.
    """
    start_http_server(port, addr=host)
