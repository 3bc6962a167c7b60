"""Dashboards are what Grafana's own types say, complete, and name only what exists.

Grafana itself is not at hand where these run: they are compared with the types of the Grafana
Foundation SDK, which come from its schema. What is unknown to them would not survive.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from scripts.grafana.panels import WIDTH
from tests.packaging.runbook import anchors
from weir.paths import ROOT

GRAFANA = ROOT / "deploy" / "grafana"
PROVISIONING = GRAFANA / "provisioning"
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in GRAFANA.glob("dashboards/*.json")}
SOURCES = yaml.safe_load((PROVISIONING / "datasources" / "weir.yaml").read_text())["datasources"]
UIDS = {source["uid"] for source in SOURCES}
#: Variables that Grafana has by itself.
BUILT_IN = {"__interval", "__rate_interval", "__value", "__url_time_range", "__all"}

register_default_plugins()


@pytest.fixture(params=DASHBOARDS)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = DASHBOARDS[request.param]
    return found


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Name what is in ours and not in theirs, or differs."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from lost(value, theirs[key], f"{path}.{key}")
            else:
                yield f"{path}.{key}"
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path}: {ours!r} became {theirs!r}"


def test_it_survives_the_types_of_grafana(dashboard: dict[str, Any]) -> None:
    typed = Dashboard.from_json(json.loads(json.dumps(dashboard)))
    theirs = json.loads(JSONEncoder(sort_keys=True).encode(typed))
    # What an annotation asks has the shape of its source, which the types leave open.
    kept = [
        path for path in lost(dashboard, theirs) if not re.match(r".*annotations.*target", path)
    ]
    assert [] == kept


def test_every_panel_says_what_it_shows(dashboard: dict[str, Any]) -> None:
    assert dashboard["description"].endswith(".")
    for panel in dashboard["panels"]:
        title = panel["title"]
        assert panel["description"].rstrip("`).").strip(), title
        assert re.search(r"[.:`]$|\d\.$", panel["description"]), title
        assert panel["fieldConfig"]["defaults"]["unit"], title
        assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] is None, title
        assert panel["targets"], title
    titles = [panel["title"] for panel in dashboard["panels"]]
    assert len(titles) == len(set(titles))


def test_panels_do_not_lie_on_one_another(dashboard: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= WIDTH, panel["title"]
        taken |= cells


def test_sources_and_variables_and_links_exist(dashboard: dict[str, Any]) -> None:
    text = json.dumps(dashboard)
    assert set(re.findall(r'"uid": "(weir-(?:postgres|prom|loki)[\w-]*)"', text)) <= UIDS
    own = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)(?![\w(])", text)) - {"__timeFrom", "__timeTo"}
    assert used - BUILT_IN <= own
    linked = set(re.findall(r"/d/([\w-]+)", text))
    assert linked <= {each["uid"] for each in DASHBOARDS.values()}


def test_no_password_is_in_what_is_provisioned() -> None:
    for source in SOURCES:
        secrets = source.get("secureJsonData", {})
        assert all(value.startswith("$") for value in secrets.values())


def test_alert_rules_are_complete_and_have_a_runbook() -> None:
    (group,) = yaml.safe_load((PROVISIONING / "alerting" / "weir.yaml").read_text())["groups"]
    runbook = anchors()
    for rule in group["rules"]:
        assert {"uid", "title", "condition", "for", "noDataState", "execErrState"} <= rule.keys()
        assert rule["condition"] in {query["refId"] for query in rule["data"]}
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert page == "docs/runbook.md"
        assert anchor in runbook, rule["title"]
        assert {query["datasourceUid"] for query in rule["data"]} <= UIDS | {"__expr__"}
