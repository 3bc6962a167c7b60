"""Fleet: how all devices are, and what needs somebody."""

from scripts.grafana.panels import (
    GREEN,
    ORANGE,
    RED,
    Dashboard,
    Panel,
    Query,
    Variable,
    bars,
    curves,
    listing,
    promql,
    ranking,
    sql,
    stat,
)

_SITES = "site IN (${site:sqlstring})"
_TO_DEVICE = [
    {
        "title": "Show this device",
        "url": "/d/weir-device?var-device=${__value.raw}&${__url_time_range}",
        "targetBlank": False,
    }
]
_LINK = {"serial": {"links": _TO_DEVICE}}


def dashboard() -> Dashboard:
    """Give the dashboard."""
    return Dashboard(
        uid="weir-fleet",
        title="Weir: fleet",
        description="All devices: how they are, what they send, and what needs somebody.",
        variables=[
            Variable("site", "Site", "SELECT site FROM report.site ORDER BY site", is_multi=True)
        ],
        rows=[_figures(), _flow(), _places(), _lists()],
    )


def _figures() -> list[Panel]:
    return [
        stat(
            "Devices by state",
            "Of the chosen sites: `pending` ones wait for approval, `disabled` ones are shut out.",
            sql(f"""
                SELECT count(*) FILTER (WHERE state = 'active') AS active,
                       count(*) FILTER (WHERE state = 'pending') AS pending,
                       count(*) FILTER (WHERE state = 'disabled') AS disabled
                FROM report.device WHERE {_SITES}
                """),
            width=8,
            options={
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False},
                "colorMode": "none",
                "graphMode": "none",
                "textMode": "value_and_name",
            },
        ),
        stat(
            "Offline share",
            "Share of the active devices that are not there: they said so, or are silent too long.",
            sql(f"""
                SELECT count(*) FILTER (WHERE presence = 'offline')::float8
                       / greatest(count(*), 1) AS offline
                FROM report.device WHERE state = 'active' AND {_SITES}
                """),
            unit="percentunit",
            thresholds=[(None, GREEN), (0.05, ORANGE), (0.2, RED)],
        ),
        stat(
            "Readings per second",
            "Committed to the database, over five minutes.",
            promql(
                'sum(rate(weir_readings_stored_total{consumer="measurements"}[5m]))', "readings"
            ),
        ),
        stat(
            "Missing batches",
            "Batches that devices have numbered and that have not arrived; late ones still may.",
            promql("max(weir_missing_batches)", "batches"),
            thresholds=[(None, GREEN), (1, ORANGE)],
        ),
        stat(
            "Dead letters",
            "Messages that were rejected and wait for somebody: `iotctl dead list`.",
            sql("SELECT count(*) AS kept FROM report.dead_letter WHERE state = 'kept'"),
            thresholds=[(None, GREEN), (1, ORANGE), (1000, RED)],
        ),
    ]


def _flow() -> list[Panel]:
    return [
        curves(
            "Readings and messages",
            "What devices send, as it is committed. A message has one reading or thousands.",
            promql(
                'sum(rate(weir_readings_stored_total{consumer="measurements"}[$__rate_interval]))',
                "readings",
            ),
            promql(
                'sum(rate(weir_deliveries_total{consumer="measurements"}[$__rate_interval]))',
                "messages",
            ),
            unit="cps",
        ),
        bars(
            "Dead letters by reason",
            "When messages were rejected, and why; docs/operations.md says what to do.",
            sql(
                """
                SELECT date_bin(interval '$__interval', recorded_at, '2000-01-01Z') AS time,
                       reason AS metric, count(*) AS letters
                FROM report.dead_letter WHERE $__timeFilter(recorded_at)
                GROUP BY 1, 2 ORDER BY 1
                """,
                is_curve=True,
            ),
            no_value="none in this time",
        ),
    ]


def _places() -> list[Panel]:
    return [
        places(
            "Last locations",
            "Where each device was last; its time is in the tooltip.",
            sql(f"""
                SELECT serial, site, observed_at, latitude_deg AS latitude,
                       longitude_deg AS longitude
                FROM report.last_location WHERE {_SITES}
                """),
            width=12,
            height=10,
        ),
        listing(
            "Offline",
            "Active devices that are not there, the latest first, and how that is known.",
            sql(f"""
                SELECT serial, site, presence_changed_at AS since, presence_reason AS reason,
                       last_seen_at
                FROM report.device
                WHERE state = 'active' AND presence = 'offline' AND {_SITES}
                ORDER BY presence_changed_at DESC LIMIT 100
                """),
            height=10,
            overrides={
                **_LINK,
                "since": {"unit": "dateTimeFromNow"},
                "last_seen_at": {"unit": "dateTimeFromNow"},
            },
            no_value="none",
        ),
    ]


def _lists() -> list[Panel]:
    return [
        ranking(
            "Most missing batches",
            "Devices whose numbered batches have not arrived: a link that loses, or a full spool.",
            sql(f"""
                SELECT serial, sum(missing_count)::float8 AS missing
                FROM report.gap JOIN report.device USING (serial)
                WHERE missing_count > 0 AND {_SITES} GROUP BY serial ORDER BY 2 DESC LIMIT 10
                """),
            width=6,
            thresholds=[(None, ORANGE)],
            no_value="none",
        ),
        ranking(
            "Configurations",
            "Devices by whether they run what is wanted of them.",
            sql(f"""
                SELECT report.configuration.state, count(*)::float8 AS devices
                FROM report.configuration JOIN report.device USING (serial)
                WHERE {_SITES} GROUP BY 1 ORDER BY 2 DESC
                """),
            width=6,
            no_value="nothing is wanted of any",
        ),
        listing(
            "Devices",
            "All devices of the chosen sites, those heard of last first.",
            sql(f"""
                SELECT serial, name, site, state, presence, model, firmware, last_seen_at
                FROM report.device WHERE state <> 'deleted' AND {_SITES}
                ORDER BY last_seen_at DESC NULLS LAST LIMIT 500
                """),
            overrides={**_LINK, "last_seen_at": {"unit": "dateTimeFromNow"}},
        ),
    ]


def places(title: str, description: str, query: Query, *, width: int, height: int) -> Panel:
    """Give a map of what has `latitude` and `longitude`."""
    marker = {
        "size": {"fixed": 6, "min": 2, "max": 15},
        "color": {"fixed": "dark-blue"},
        "opacity": 0.8,
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
    }
    options = {
        "view": {"id": "fit", "lat": 0, "lon": 0, "zoom": 5, "allLayers": True},
        "basemap": {"type": "default", "name": "Map"},
        "layers": [
            {
                "type": "markers",
                "name": "devices",
                "tooltip": True,
                "config": {"style": marker, "showLegend": False},
                "location": {"mode": "coords", "latitude": "latitude", "longitude": "longitude"},
            }
        ],
        "controls": {"showZoom": True, "mouseWheelZoom": False, "showAttribution": True},
        "tooltip": {"mode": "details"},
    }
    return Panel("geomap", title, description, [query], width=width, height=height, options=options)
