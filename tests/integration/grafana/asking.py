"""What dashboards ask PostgreSQL, and a way to ask it as they do."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import asyncpg

from scripts.grafana.macros import View
from tests.integration.grafana.estate import NOW
from weir.paths import ROOT
from weir.postgres.roles import Role
from weir.testing.databases import as_role

GRAFANA = ROOT / "deploy" / "grafana"
ROLES = {"weir-postgres": Role.READONLY, "weir-postgres-statistics": Role.MONITORING}
CHOSEN = {"site": ["harbour", "unassigned"], "device": ["crane-1"], "field": ["x", "y"]}
#: Grafana draws a point for each pixel or so.
POINT_COUNT = 1_000

Target = Mapping[str, Any]


def dashboards() -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(GRAFANA.glob("dashboards/*.json"))]


def targets() -> Iterator[tuple[str, Target]]:
    for dashboard in dashboards():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{dashboard['uid']}: {panel['title']} {target['refId']}", target
        for annotation in dashboard["annotations"]["list"]:
            yield f"{dashboard['uid']}: annotation", annotation["target"]


SQL_TARGETS = [pair for pair in targets() if "rawSql" in pair[1]]


def view(span: timedelta) -> View:
    interval_s = max(1, round(span.total_seconds() / POINT_COUNT))
    return View(NOW - span, NOW + timedelta(minutes=1), f"{interval_s}s", CHOSEN)


async def ask(estate: str, source: str, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(as_role(estate, ROLES[source]))
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()
