"""Pipeline: whether everything that comes is stored, and how soon."""

from scripts.grafana.panels import (
    GREEN,
    ORANGE,
    RED,
    Dashboard,
    Panel,
    Query,
    bars,
    curves,
    lines,
    promql,
    sql,
    stat,
)

_RATE = "[$__rate_interval]"
_QUANTILES = (0.5, 0.95, 0.99)


def dashboard() -> Dashboard:
    """Give the dashboard."""
    return Dashboard(
        uid="weir-pipeline",
        title="Weir: pipeline",
        description="From the broker to the database: how much, how soon, and what was rejected.",
        rows=[_figures(), _flow(), _latency(), _progress(), _trouble(), _commands(), _logs()],
    )


def _quantiles(metric: str, of: str = "") -> list[Query]:
    return [
        promql(
            f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{of}{_RATE})))",
            f"p{share * 100:g}",
        )
        for share in _QUANTILES
    ]


def _figures() -> list[Panel]:
    return [
        stat(
            "Services up",
            "Processes that Prometheus reaches.",
            promql('sum(up{job="weir"})', "up"),
        ),
        stat(
            "Slowest consumer",
            "Age of the newest message that it committed last; aggregates wait by design.",
            promql('max(weir_lag_seconds{consumer!="aggregates"})', "lag"),
            unit="s",
            thresholds=[(None, GREEN), (5, ORANGE), (60, RED)],
        ),
        stat(
            "Waiting for a commit",
            "Messages that were read and are not committed yet; while a commit fails they wait.",
            promql("sum(weir_waiting_messages)", "messages"),
        ),
        stat(
            "Rollups behind",
            "Since when readings are not in the minutes yet; a minute is rolled up when it ends.",
            sql("""
                SELECT extract(epoch FROM now() - min(rolled_until))::float8 AS behind
                FROM report.rollup_progress
                """),
            unit="s",
            thresholds=[(None, GREEN), (300, ORANGE), (3600, RED)],
            no_value="not begun",
        ),
        stat(
            "Rollups to compute again",
            "Series whose kind, time zone or readings were changed.",
            sql("SELECT coalesce(max(request_count), 0) AS requests FROM report.rollup_progress"),
        ),
        stat(
            "Restarts",
            "Of services, in the last hour.",
            promql('sum(changes(process_start_time_seconds{job="weir"}[1h]))', "restarts"),
            thresholds=[(None, GREEN), (1, ORANGE), (10, RED)],
        ),
    ]


def _flow() -> list[Panel]:
    return [
        curves(
            "Stored per second",
            "Readings, device events and locations, as they are committed.",
            promql(f"sum(rate(weir_readings_stored_total{_RATE}))", "readings"),
            promql(f"sum(rate(weir_device_events_stored_total{_RATE}))", "events"),
            promql(f"sum(rate(weir_locations_stored_total{_RATE}))", "locations"),
            unit="cps",
        ),
        curves(
            "Messages per commit",
            "On average. Few: the database keeps up easily; many: it is what bounds.",
            promql(
                f"sum by (consumer) (rate(weir_commit_messages_sum{_RATE}))"
                f" / sum by (consumer) (rate(weir_commit_messages_count{_RATE}))",
                "{{consumer}}",
            ),
        ),
    ]


def _latency() -> list[Panel]:
    writer = '{consumer="measurements"}'
    return [
        curves(
            "Broker to database",
            "From the broker taking the oldest message of a commit until it is stored.",
            *_quantiles("weir_end_to_end_seconds", writer),
            unit="s",
        ),
        curves(
            "Processing",
            "A commit of the measurement writer, once its messages are decoded.",
            *_quantiles("weir_handle_seconds", writer),
            unit="s",
        ),
    ]


def _progress() -> list[Panel]:
    return [
        curves(
            "Lag",
            "Age of the newest message of the last commit. Aggregates wait for their minute.",
            promql("max by (consumer, source) (weir_lag_seconds)", "{{consumer}} {{source}}"),
            unit="s",
        ),
        curves(
            "Since the last commit",
            "Of each stream and queue. It rises where nothing comes, and where nothing is stored.",
            promql(
                "time() - max by (consumer, source) (weir_last_commit_timestamp_seconds)",
                "{{consumer}} {{source}}",
            ),
            unit="s",
        ),
    ]


def _trouble() -> list[Panel]:
    return [
        bars(
            "Dead letters",
            "Messages that were rejected and kept, by reason.",
            promql(
                "sum by (reason) (increase(weir_dead_letters_total[$__rate_interval]))",
                "{{reason}}",
            ),
            width=8,
        ),
        curves(
            "Repeats and conflicts",
            "Readings that were there already: the same (a repeat), or another value, which stays.",
            promql(f"sum(rate(weir_readings_repeated_total{_RATE}))", "repeated"),
            promql(f"sum(rate(weir_readings_conflicting_total{_RATE}))", "conflicting"),
            unit="cps",
            width=8,
        ),
        curves(
            "Requests of the gateway",
            "By status.",
            promql(f"sum by (status) (rate(weir_http_requests_total{_RATE}))", "{{status}}"),
            unit="reqps",
            width=8,
        ),
    ]


def _commands() -> list[Panel]:
    return [
        bars(
            "Commands",
            "Steps of commands to devices, by the state that they led to.",
            promql("sum by (state) (increase(weir_commands_total[$__rate_interval]))", "{{state}}"),
        ),
        curves(
            "Oldest command under way",
            "How long devices keep somebody waiting, by the state that the command is in.",
            promql("max by (state) (weir_commands_waiting_age_seconds)", "{{state}}"),
            unit="s",
        ),
    ]


def _logs() -> list[Panel]:
    return [
        lines(
            "Warnings and errors",
            "What services have logged, by Loki: a loss and its recovery have a line each.",
            '{job="weir-services", level=~"warning|error|critical"} | json',
        )
    ]
