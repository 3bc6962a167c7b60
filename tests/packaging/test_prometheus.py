"""Rules and panels that ask Prometheus: valid, naming what exists, and firing when they should.

`promtool` is of Debian's package `prometheus`; `scripts/setup test-servers` brings it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from tests.packaging.promql import Named, grouped_by, named_in
from tests.packaging.runbook import anchors
from weir import metrics
from weir.paths import ROOT

PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = yaml.safe_load((PROMETHEUS / "rules.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
CONFIG = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text())
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
#: What Prometheus adds to whatever it reads, and what every client library exposes.
OF_ALL = {"job", "instance", "service", "le"}
NOT_OURS = {"up", "process_start_time_seconds"}
#: Metrics and labels that both RabbitMQ 3.10.8 and 4.3.6 expose, as they were scraped.
RABBITMQ = json.loads((Path(__file__).parent / "rabbitmq_metrics.json").read_text())


def panels() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["type"] == "prometheus":
                    yield f"{path.stem}: {panel['title']} {target['refId']}", target["expr"]


EXPRESSIONS = dict(panels()) | {f"rule {rule['alert']}": rule["expr"] for rule in ALERTS}


def ours() -> dict[str, set[str]]:
    """Every name under which a metric of ours is exposed, with its labels."""
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""]}
    found = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            for described in metric.describe():
                for suffix in suffixes[described.type]:
                    found[described.name + suffix] = set(metric._labelnames)
    return found


OURS = ours()


@pytest.fixture(scope="session")
def promtool() -> str:
    found = shutil.which("promtool") or shutil.which(
        "promtool", path=str(Path(sys.executable).parent)
    )
    if found is None:
        if "promtool" in os.environ.get("WEIR_TEST_REQUIRE", "").split(","):
            pytest.fail("required by WEIR_TEST_REQUIRE: promtool (scripts/setup test-servers)")
        pytest.skip("promtool is not installed: scripts/setup test-servers")
    return found


def run(promtool: str, *arguments: object) -> str:
    done = subprocess.run(
        [promtool, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    return done.stdout


def test_promtool_reads_the_configuration_and_the_rules(promtool: str) -> None:
    run(promtool, "check", "config", PROMETHEUS / "prometheus.yaml")
    assert f"{len(ALERTS)} rules found" in run(
        promtool, "check", "rules", PROMETHEUS / "rules.yaml"
    )


def test_every_alert_fires_when_it_should_and_only_then(promtool: str) -> None:
    cases = Path(__file__).parent / "alerts.yaml"
    tested = {
        case["alertname"]: bool(case.get("exp_alerts"))
        for test in yaml.safe_load(cases.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert {rule["alert"] for rule in ALERTS} == tested.keys()
    run(promtool, "test", "rules", cases)


def test_promtool_parses_what_panels_ask(promtool: str, tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{index}", "expr": expression.replace("$__rate_interval", "5m")}
        for index, expression in enumerate(EXPRESSIONS.values())
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in run(promtool, "check", "rules", file)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_what_it_names_is_exposed_with_these_labels(name: str) -> None:
    expression = EXPRESSIONS[name]
    found = named_in(expression)
    assert found
    allowed = set(OF_ALL)
    for each in found:
        labels = labels_of(each)
        assert labels is not None, f"{each.metric} is exposed by nobody"
        assert each.labels <= labels | OF_ALL, each
        allowed |= labels
    assert grouped_by(expression) <= allowed


def labels_of(named: Named) -> set[str] | None:
    if named.metric in NOT_OURS:
        return set()
    if named.metric in OURS:
        return OURS[named.metric]
    labels = RABBITMQ.get(named.metric)
    return None if labels is None else set(labels)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_happened_and_where_to_read_on(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert re.search(r"[.]$", rule["annotations"]["summary"])
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert ("docs/runbook.md", rule["alert"].lower()) == (page, anchor)
    assert anchor in anchors(page)


def test_every_service_that_always_runs_is_scraped() -> None:
    running = {
        f"{name}:9100"
        for name, service in COMPOSE["services"].items()
        if service.get("command", [""])[0] == "run" and "profiles" not in service
    }
    (ours,) = (job for job in CONFIG["scrape_configs"] if job["job_name"] == "weir")
    assert running == set(ours["static_configs"][0]["targets"])


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", {"up": set()}),
        ('sum by (a, b) (rate(x_total{c="d{e}", f=~"g"}[5m])) > 1e9', {"x_total": {"c", "f"}}),
        ("time() - max(a_b) / on (x) b_a offset 5m", {"a_b": set(), "b_a": set()}),
        ('a{b!="c"} and d or e unless f', {"a": {"b"}, "d": set(), "e": set(), "f": set()}),
    ],
)
def test_metrics_are_found_in_expressions(expression: str, found: dict[str, set[str]]) -> None:
    assert found == {each.metric: set(each.labels) for each in named_in(expression)}
