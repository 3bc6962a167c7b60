"""Panels and dashboards of Grafana, as the JSON that it reads: what ours have in common, once.

Source of the shapes: Grafana 11, "Dashboard JSON model"; `tests/packaging/test_grafana.py` checks
them against the types of the Grafana Foundation SDK.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

POSTGRES: Json = {"type": "grafana-postgresql-datasource", "uid": "weir-postgres"}
STATISTICS: Json = {"type": "grafana-postgresql-datasource", "uid": "weir-postgres-statistics"}
PROMETHEUS: Json = {"type": "prometheus", "uid": "weir-prometheus"}
LOKI: Json = {"type": "loki", "uid": "weir-loki"}

#: The width of a dashboard, in Grafana's units.
WIDTH = 24
GREEN, ORANGE, RED = "green", "orange", "red"
#: One step and no colour: a figure that is neither good nor bad.
PLAIN: tuple[tuple[float | None, str], ...] = ((None, "text"),)


@dataclass(frozen=True, slots=True)
class Query:
    """What a panel asks, and of whom.

    `text`: SQL, PromQL or LogQL. `legend`: PromQL only. `shape`: of an answer in SQL, `time_series`
    or `table`; `instant`: PromQL that is asked for now only.
    """

    source: Mapping[str, Any]
    text: str
    legend: str = ""
    shape: str = "table"
    instant: bool = False

    def target(self, ref_id: str) -> Json:
        """Render it as a target of a panel."""
        base: Json = {"refId": ref_id, "datasource": dict(self.source)}
        match self.source["type"]:
            case "prometheus":
                return {
                    **base,
                    "expr": self.text,
                    "legendFormat": self.legend,
                    "range": not self.instant,
                    "instant": self.instant,
                    "format": "table" if self.instant and not self.legend else "time_series",
                }
            case "loki":
                return {**base, "expr": self.text, "queryType": "range"}
            case _:
                return {
                    **base,
                    "format": self.shape,
                    "rawQuery": True,
                    "editorMode": "code",
                    "rawSql": self.text,
                }


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel; `thresholds`: from each value on, a colour, the first from the beginning.

    Attributes:
        unit: one of Grafana's ids: `s`, `bytes`, `short`, `percentunit`, ...
        options: what the kind of panel has of its own.
        custom: how its fields are drawn.
        overrides: by the name of a field, properties that differ.
    """

    kind: str
    title: str
    description: str
    queries: Sequence[Query]
    width: int
    height: int = 8
    unit: str = "short"
    thresholds: Sequence[tuple[float | None, str]] = PLAIN
    options: Mapping[str, Any] = field(default_factory=dict)
    custom: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    no_value: str = ""

    def render(self, number: int, x: int, y: int) -> Json:
        """Render it at a place."""
        defaults: Json = {
            "unit": self.unit,
            "thresholds": {
                "mode": "absolute",
                "steps": [{"value": value, "color": color} for value, color in self.thresholds],
            },
            "custom": dict(self.custom),
        }
        if self.no_value:
            defaults["noValue"] = self.no_value
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": dict(self.queries[0].source),
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [
                query.target(chr(ord("A") + index)) for index, query in enumerate(self.queries)
            ],
            "fieldConfig": {
                "defaults": defaults,
                "overrides": [
                    {
                        "matcher": {"id": "byName", "options": name},
                        "properties": [
                            {"id": key, "value": value} for key, value in properties.items()
                        ],
                    }
                    for name, properties in self.overrides.items()
                ],
            },
            "options": dict(self.options),
        }


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable whose values come from a query; `shown`: by what it is called on the screen."""

    name: str
    shown: str
    sql: str
    is_multi: bool = False

    def render(self) -> Json:
        """Render it for `templating`."""
        everything = {"text": "All", "value": "$__all"}
        return {
            "type": "query",
            "name": self.name,
            "label": self.shown,
            "datasource": dict(POSTGRES),
            "query": self.sql,
            "refresh": 2,
            "sort": 1,
            "multi": self.is_multi,
            "includeAll": self.is_multi,
            "current": everything if self.is_multi else {},
            "options": [],
            "hide": 0,
        }


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard: rows of panels from left to right, each row as high as its highest panel."""

    uid: str
    title: str
    description: str
    rows: Sequence[Sequence[Panel]]
    variables: Sequence[Variable] = ()
    annotations: Sequence[Mapping[str, Any]] = ()
    since: str = "now-6h"
    refresh: str = "30s"

    def render(self) -> Json:
        """Render the whole dashboard."""
        panels: list[Json] = []
        y = 0
        for row in self.rows:
            x = 0
            for panel in row:
                panels.append(panel.render(len(panels) + 1, x, y))
                x += panel.width
            y += max(panel.height for panel in row)
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["weir"],
            "schemaVersion": 39,
            "editable": False,
            "graphTooltip": 1,
            "timezone": "browser",
            "time": {"from": self.since, "to": "now"},
            "refresh": self.refresh,
            "links": [
                {
                    "type": "dashboards",
                    "title": "Weir",
                    "tags": ["weir"],
                    "asDropdown": False,
                    "includeVars": False,
                    "keepTime": True,
                    "icon": "external link",
                    "tooltip": "",
                    "url": "",
                    "targetBlank": False,
                }
            ],
            "templating": {"list": [variable.render() for variable in self.variables]},
            "annotations": {"list": [dict(annotation) for annotation in self.annotations]},
            "panels": panels,
        }


def sql(text: str, *, is_curve: bool = False, source: Mapping[str, Any] = POSTGRES) -> Query:
    """Ask PostgreSQL; `is_curve`: the answer has a column `time` and is drawn over it."""
    return Query(source, text.strip(), shape="time_series" if is_curve else "table")


def promql(text: str, legend: str = "", *, instant: bool = False) -> Query:
    """Ask Prometheus."""
    return Query(PROMETHEUS, text, legend, instant=instant)


def lines(title: str, description: str, query: str, **more: Any) -> Panel:
    """Give log lines, the newest first; `query`: LogQL."""
    options = {
        "showTime": True,
        "wrapLogMessage": True,
        "sortOrder": "Descending",
        "dedupStrategy": "none",
        "enableLogDetails": True,
        "prettifyLogMessage": False,
        "showCommonLabels": False,
        "showLabels": False,
    }
    return Panel(
        "logs",
        title,
        description,
        [Query(LOKI, query)],
        **{"width": WIDTH, "height": 10, "options": options, **more},
    )


def stat(title: str, description: str, query: Query, **more: Any) -> Panel:
    """Give a figure that is read from across the room."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "textMode": "auto",
        "justifyMode": "auto",
        "orientation": "auto",
    }
    return Panel(
        "stat", title, description, [query], **{"width": 4, "height": 4, "options": options, **more}
    )


def curves(title: str, description: str, *queries: Query, **more: Any) -> Panel:
    """Give curves over time."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 8,
        "showPoints": "auto",
        "spanNulls": False,
    }
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return Panel(
        "timeseries",
        title,
        description,
        queries,
        **{"width": 12, "custom": {**custom, **more.pop("custom", {})}, "options": options, **more},
    )


def bars(title: str, description: str, *queries: Query, **more: Any) -> Panel:
    """Give stacked bars over time: how often something happened."""
    custom = {
        "drawStyle": "bars",
        "fillOpacity": 70,
        "lineWidth": 0,
        "stacking": {"mode": "normal", "group": "A"},
    }
    return curves(title, description, *queries, custom=custom, **more)


def listing(title: str, description: str, query: Query, **more: Any) -> Panel:
    """Give a table."""
    options = {"showHeader": True, "cellHeight": "sm"}
    return Panel("table", title, description, [query], **{"width": 12, "options": options, **more})


def ranking(title: str, description: str, query: Query, **more: Any) -> Panel:
    """Give bars with names, the longest first: each row of the answer is one."""
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": True},
        "orientation": "horizontal",
        "displayMode": "basic",
        "showUnfilled": False,
    }
    return Panel(
        "bargauge", title, description, [query], **{"width": 12, "options": options, **more}
    )
