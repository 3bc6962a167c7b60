"""Device: everything about one."""

from typing import Any

from scripts.grafana.fleet import places
from scripts.grafana.panels import (
    GREEN,
    ORANGE,
    POSTGRES,
    RED,
    Dashboard,
    Panel,
    Variable,
    curves,
    lines,
    listing,
    sql,
    stat,
)

_SERIAL = "${device:sqlstring}"
_CURVE = (
    f"report.curve({_SERIAL}, ARRAY[${{field:sqlstring}}], $__timeFrom(), $__timeTo(),"
    " interval '$__interval')"
)
_TEXT: dict[str, Any] = {
    "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False},
    "colorMode": "value",
    "graphMode": "none",
    "textMode": "value",
}


def dashboard() -> Dashboard:
    """Give the dashboard."""
    return Dashboard(
        uid="weir-device",
        title="Weir: device",
        description="One device: what it measures, where it is, what happened at it.",
        variables=[
            Variable(
                "device",
                "Device",
                "SELECT serial FROM report.device WHERE state <> 'deleted' ORDER BY serial",
            ),
            Variable(
                "field",
                "Fields",
                f"SELECT field FROM report.series WHERE serial = {_SERIAL} ORDER BY field",
                is_multi=True,
            ),
        ],
        annotations=[
            {
                "name": "Device events",
                "enable": True,
                "hide": False,
                "iconColor": "purple",
                "datasource": POSTGRES,
                "target": sql(f"""
                    SELECT observed_at AS time, type AS text, 'event' AS tags
                    FROM report.device_event
                    WHERE serial = {_SERIAL} AND $__timeFilter(observed_at)
                    ORDER BY observed_at LIMIT 500
                    """).target("Anno"),
            }
        ],
        rows=[[*_identity(), *_health()], _curves(), _values(), _life(), _log(), _control()],
    )


def _identity() -> list[Panel]:
    return [
        stat(
            "State",
            "`active` devices are let in; what others send is kept aside. And whether it is there.",
            sql(f"SELECT state, presence FROM report.device WHERE serial = {_SERIAL}"),
            options=_TEXT,
            unit="string",
        ),
        stat(
            "Heard of",
            "When anything of it was last stored.",
            sql(f"""
                SELECT extract(epoch FROM last_seen_at)::float8 * 1000 AS seen
                FROM report.device WHERE serial = {_SERIAL}
                """),
            unit="dateTimeFromNow",
            no_value="never",
        ),
        stat(
            "Model and firmware",
            "As it has announced itself.",
            sql(f"""
                SELECT concat_ws(' ', nullif(model, ''), nullif(firmware, '')) AS model
                FROM report.device WHERE serial = {_SERIAL}
                """),
            options=_TEXT,
            unit="string",
            width=6,
            no_value="not announced",
        ),
    ]


def _health() -> list[Panel]:
    return [
        stat(
            "Missing batches",
            "Numbered batches of all its starts that have not arrived.",
            sql(f"""
                SELECT coalesce(sum(missing_count), 0)::float8 AS missing
                FROM report.gap WHERE serial = {_SERIAL}
                """),
            thresholds=[(None, GREEN), (1, ORANGE)],
        ),
        stat(
            "Dead letters",
            "Rejected messages of it that wait for somebody.",
            sql(f"""
                SELECT count(*) AS kept FROM report.dead_letter
                WHERE serial = {_SERIAL} AND state = 'kept'
                """),
            thresholds=[(None, GREEN), (1, RED)],
            width=3,
        ),
        stat(
            "Resolution",
            "What the curves are made of: readings, or rollups of minutes, hours or days.",
            sql(f"""
                SELECT report.level_of(array_agg(series_id), $__timeFrom(), $__timeTo()) AS level
                FROM report.series
                WHERE serial = {_SERIAL} AND field IN (${{field:sqlstring}})
                """),
            options=_TEXT,
            unit="string",
            width=3,
            no_value="-",
        ),
    ]


def _curves() -> list[Panel]:
    return [
        curves(
            "Fields",
            "Averages; readings themselves when few hours are shown. Unit: as the device says.",
            sql(f"SELECT time, field AS metric, value FROM {_CURVE}", is_curve=True),
            width=24,
            height=10,
        )
    ]


def _values() -> list[Panel]:
    return [
        listing(
            "Last values",
            "The newest value of every field, texts included.",
            sql(f"""
                SELECT field, coalesce(text_value, value::text) AS value, unit, observed_at
                FROM report.last_values({_SERIAL})
                """),
            overrides={"observed_at": {"unit": "dateTimeFromNow"}},
        ),
        curves(
            "Lowest and highest",
            "Of each point of the curves above: what an average hides.",
            sql(
                f"""
                SELECT time, field || end_name AS metric, end_value AS value FROM {_CURVE}
                CROSS JOIN LATERAL (VALUES (' low', low), (' high', high))
                    AS ends (end_name, end_value)
                """,
                is_curve=True,
            ),
        ),
    ]


def _life() -> list[Panel]:
    return [
        places(
            "Track",
            "Where it was in this time.",
            sql(f"""
                SELECT observed_at, latitude_deg AS latitude, longitude_deg AS longitude, speed_mps
                FROM report.location WHERE serial = {_SERIAL} AND $__timeFilter(observed_at)
                ORDER BY observed_at DESC LIMIT 5000
                """),
            width=8,
            height=10,
        ),
        listing(
            "Events",
            "What happened at the device, the newest first.",
            sql(f"""
                SELECT observed_at, type, data::text AS data FROM report.device_event
                WHERE serial = {_SERIAL} AND $__timeFilter(observed_at)
                ORDER BY observed_at DESC LIMIT 500
                """),
            width=8,
            height=10,
            no_value="none in this time",
        ),
        listing(
            "Log",
            "What the device has logged, the newest first; `iotctl logs` follows it.",
            sql(f"""
                SELECT placed_at, level, message FROM report.device_log
                WHERE serial = {_SERIAL} AND $__timeFilter(placed_at)
                ORDER BY placed_at DESC LIMIT 500
                """),
            width=8,
            height=10,
            no_value="none in this time",
        ),
    ]


def _log() -> list[Panel]:
    return [
        lines(
            "Log in Loki",
            "The same lines where something collects them for Loki: kept for a month.",
            '{job="weir-device-logs"} | serial="$device" | json | line_format "{{.message}}"',
            no_value="none in this time, or nothing collects them (deploy/alloy)",
        )
    ]


def _control() -> list[Panel]:
    return [
        listing(
            "Commands",
            "What it was sent in this time, the newest first, and what became of it.",
            sql(f"""
                SELECT requested_at, name, state, requested_by, attempt_count AS attempts,
                       duration_s AS duration
                FROM report.command
                WHERE serial = {_SERIAL} AND $__timeFilter(requested_at)
                ORDER BY command_id DESC LIMIT 200
                """),
            width=16,
            overrides={"duration": {"unit": "s"}},
            no_value="none in this time",
        ),
        listing(
            "Configuration",
            "What it is to run and what it runs; `rejected`: it has refused what is wanted.",
            sql(f"""
                SELECT state, version, reported_version AS runs, reported_at, sent_at
                FROM report.configuration WHERE serial = {_SERIAL}
                """),
            width=8,
            overrides={
                "reported_at": {"unit": "dateTimeFromNow"},
                "sent_at": {"unit": "dateTimeFromNow"},
            },
            no_value="nothing is wanted of it",
        ),
    ]
