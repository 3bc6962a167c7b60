"""What a running system exposes of what dashboards and alert rules name."""

import json
import re
import urllib.request
from pathlib import Path

import yaml

from tests.packaging.promql import named_in
from weir.embedded.port_plan import METRICS_PREFIX
from weir.paths import ROOT

TIMEOUT_S = 20
#: What Prometheus itself adds.
_NOT_EXPOSED = {"up"}


def metrics_not_exposed(folder: Path) -> set[str]:
    """Name the metrics that a panel or a rule names, and no process of the system exposes."""
    ports: dict[str, int] = json.loads((folder / "ports.json").read_text())
    found: set[str] = set()
    for name, port in ports.items():
        if name.startswith(METRICS_PREFIX):
            found |= _names(f"http://127.0.0.1:{port}/metrics")
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text())
    (queues,) = (job for job in config["scrape_configs"] if job["job_name"] == "rabbitmq-queues")
    families = "&".join(f"family={family}" for family in queues["params"]["family"])
    broker = f"http://127.0.0.1:{ports['prometheus']}"
    found |= _names(f"{broker}/metrics")
    found |= _names(f"{broker}{queues['metrics_path']}?vhost=%2F&{families}")
    return _named() - found - _NOT_EXPOSED


def _named() -> set[str]:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "rules.yaml").read_text())
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    for path in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json"):
        for panel in json.loads(path.read_text())["panels"]:
            expressions += [
                target["expr"]
                for target in panel["targets"]
                if target["datasource"]["type"] == "prometheus"
            ]
    return {named.metric for expression in expressions for named in named_in(expression)}


def _names(url: str) -> set[str]:
    """Give the names of all samples, and of those that have no sample yet."""
    with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:  # noqa: S310 - our own
        text = response.read().decode()
    found = set()
    for line in text.splitlines():
        if declared := re.match(r"# TYPE (\S+) (\S+)", line):
            suffixes = ("_bucket", "_sum", "_count") if declared[2] == "histogram" else ("",)
            found |= {declared[1] + suffix for suffix in suffixes}
        elif sample := re.match(r"[a-zA-Z_:][\w:]*", line):
            found.add(sample[0])
    return found
