"""Database: how large it is, how busy, and what is slow; asked mostly as `weir_monitoring`."""

from scripts.grafana.panels import (
    GREEN,
    ORANGE,
    RED,
    STATISTICS,
    Dashboard,
    Panel,
    Query,
    listing,
    promql,
    ranking,
    sql,
    stat,
)


def dashboard() -> Dashboard:
    """Give the dashboard."""
    return Dashboard(
        uid="weir-database",
        title="Weir: database",
        description="PostgreSQL as it is now: sizes, sessions, slow statements, rollups.",
        rows=[[*_room(), *_load()], _sizes(), _statements()],
        refresh="1m",
    )


def _ask(text: str) -> Query:
    return sql(text, source=STATISTICS)


def _room() -> list[Panel]:
    return [
        stat(
            "Size",
            "All of this database.",
            _ask("SELECT pg_database_size(current_database())::float8 AS size"),
            unit="bytes",
        ),
        stat(
            "Free on the disk",
            "Of device logs: with `iotctl up` and in `compose.yaml` that of the database, too.",
            promql("min(weir_disk_free_bytes)", instant=True),
            unit="bytes",
            thresholds=[(None, RED), (5e9, ORANGE), (20e9, GREEN)],
            no_value="not seen",
        ),
    ]


def _load() -> list[Panel]:
    return [
        stat(
            "Cache hits",
            "Share of blocks that were in memory, since the statistics began.",
            _ask("""
                SELECT sum(blks_hit)::float8 / greatest(sum(blks_hit + blks_read), 1) AS hits
                FROM pg_stat_database WHERE datname = current_database()
                """),
            unit="percentunit",
            thresholds=[(None, RED), (0.9, ORANGE), (0.98, GREEN)],
            width=3,
        ),
        stat(
            "Connections",
            "Share of all that the server allows.",
            _ask("""
                SELECT count(*)::float8 / current_setting('max_connections')::float8 AS used
                FROM pg_stat_activity WHERE backend_type = 'client backend'
                """),
            unit="percentunit",
            thresholds=[(None, GREEN), (0.7, ORANGE), (0.9, RED)],
            width=3,
        ),
        stat(
            "Oldest transaction",
            "A long one keeps dead rows and partitions from going.",
            _ask("""
                SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float8 AS age
                FROM pg_stat_activity WHERE datname = current_database()
                """),
            unit="s",
            thresholds=[(None, GREEN), (60, ORANGE), (600, RED)],
            width=3,
        ),
        stat(
            "Sessions that wait for a lock",
            "Now; a few for a moment are usual.",
            _ask("""
                SELECT count(*) AS waiting FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """),
            thresholds=[(None, GREEN), (5, ORANGE), (20, RED)],
            width=4,
        ),
        stat(
            "WAL per second",
            "Written, on average since the statistics began: what a standby has to take.",
            _ask("""
                SELECT wal_bytes::float8
                       / greatest(extract(epoch FROM now() - stats_reset), 1)::float8 AS rate
                FROM pg_stat_wal
                """),
            unit="Bps",
            width=3,
        ),
    ]


def _sizes() -> list[Panel]:
    return [
        listing(
            "Tables",
            "With their partitions or chunks, indexes and texts; the largest first.",
            _ask("""
                SELECT coalesce(parent.relname, own.relname)::text AS "table",
                       count(*) FILTER (WHERE parent.oid IS NOT NULL) AS partitions,
                       sum(pg_total_relation_size(own.oid))::float8 AS size,
                       sum(greatest(own.reltuples, 0))::float8 AS rows
                FROM pg_class AS own JOIN pg_namespace ON pg_namespace.oid = own.relnamespace
                LEFT JOIN pg_inherits ON inhrelid = own.oid
                LEFT JOIN pg_class AS parent ON parent.oid = inhparent
                WHERE own.relkind IN ('r', 'p') AND nspname IN ('public', '_timescaledb_internal')
                GROUP BY 1 ORDER BY 3 DESC LIMIT 25
                """),
            overrides={"size": {"unit": "bytes"}},
        ),
        ranking(
            "Sessions",
            "By role and by what they are doing.",
            _ask("""
                SELECT concat_ws(' ', usename, state) AS session, count(*)::float8 AS sessions
                FROM pg_stat_activity WHERE datname = current_database()
                GROUP BY 1 ORDER BY 2 DESC LIMIT 15
                """),
            width=6,
        ),
        listing(
            "Rollups",
            "How far the minutes are, of each stream.",
            sql("""
                SELECT stream, extract(epoch FROM now() - rolled_until)::float8 AS behind,
                       request_count AS to_compute_again
                FROM report.rollup_progress ORDER BY stream
                """),
            width=6,
            overrides={"behind": {"unit": "s"}},
            no_value="not begun",
        ),
    ]


def _statements() -> list[Panel]:
    return [
        listing(
            "Statements",
            "Those that took the most time, since the statistics began (pg_stat_statements).",
            _ask("""
                SELECT calls, mean_exec_time AS mean_ms, total_exec_time AS total_ms, rows,
                       regexp_replace(left(query, 300), '\\s+', ' ', 'g') AS statement
                FROM pg_stat_statements
                JOIN pg_database ON pg_database.oid = dbid AND datname = current_database()
                ORDER BY total_exec_time DESC LIMIT 20
                """),
            width=16,
            height=10,
            overrides={
                "mean_ms": {"unit": "ms"},
                "total_ms": {"unit": "ms"},
                "statement": {"custom.width": 600},
            },
        ),
        listing(
            "Standbys",
            "Read replicas that follow now, and how far each is behind.",
            _ask("""
                SELECT coalesce(host(client_addr), application_name) AS standby, state,
                       pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::float8 AS behind,
                       coalesce(extract(epoch FROM replay_lag), 0)::float8 AS delay
                FROM pg_stat_replication ORDER BY 1
                """),
            width=8,
            height=10,
            overrides={"behind": {"unit": "bytes"}, "delay": {"unit": "s"}},
            no_value="none",
        ),
    ]
