"""What collects logs has few labels and leads somewhere, and panels ask for what it collects.

Neither Loki nor Alloy is at hand where these run: the files are read as YAML, and as blocks.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.packaging.logql import LogQuery, read_logql
from weir.device_log_file import FILE_NAME, format_line
from weir.model.device_log import Level, LogEntry
from weir.paths import ROOT

ALLOY = sorted((ROOT / "deploy" / "alloy").glob("*.alloy"))
LOKI = yaml.safe_load((ROOT / "deploy" / "loki" / "loki.yaml").read_text())
LABELS = {"job", "service", "level"}
DEVICES = "weir-device-logs"

each_file = pytest.mark.parametrize("path", ALLOY, ids=lambda path: path.stem)


def text_of(path: Path) -> str:
    return re.sub(r"//(?!/).*", "", path.read_text().replace("unix:///", "unix:"))


def line() -> dict[str, object]:
    """What is collected of a device."""
    entry = LogEntry(0, Level.INFO, "started", {})
    written = format_line("crane-1", datetime(2026, 11, 28, tzinfo=UTC), entry)
    found: dict[str, object] = json.loads(written)
    return found


def panels() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["type"] == "loki":
                    yield f"{path.stem}: {panel['title']}", target["expr"]


QUERIES = dict(panels())


def blocks(path: Path) -> set[str]:
    found = re.findall(r'^([\w.]+) "(\w+)" \{', text_of(path), re.MULTILINE)
    return {f"{kind}.{name}" for kind, name in found}


@each_file
def test_what_is_forwarded_to_is_there(path: Path) -> None:
    used = re.findall(r"\b((?:\w+\.)+\w+)\.(?:receiver|targets|output)\b", text_of(path))
    assert used
    assert set(used) <= blocks(path)


@each_file
def test_every_source_is_forwarded(path: Path) -> None:
    text = text_of(path)
    sources = {block for block in blocks(path) if block.startswith("loki.source.")}
    assert len(sources) + len(re.findall(r'^loki.process "', text, re.MULTILINE)) == len(
        re.findall(r"forward_to", text)
    )


@each_file
def test_braces_are_closed(path: Path) -> None:
    depth = 0
    for character in re.sub(r'"[^"]*"', "", text_of(path)):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


@each_file
def test_labels_are_few_and_a_serial_is_none(path: Path) -> None:
    text = text_of(path)
    labels = set(re.findall(r'target_label\s*=\s*"(\w+)"', text))
    for values in re.findall(r"stage\.labels \{\s*values = \{([^}]*)\}", text):
        labels |= set(re.findall(r"(\w+) =", values))
    labels |= set(re.findall(r'"(\w+)" = "weir-', text))
    assert labels == LABELS
    assert len(labels) < LOKI["limits_config"]["max_label_names_per_series"]


@each_file
def test_it_reads_what_device_logs_are(path: Path) -> None:
    text = text_of(path)
    assert f"/{FILE_NAME}" in text
    (wanted,) = re.findall(r"expressions = \{([^}]*serial[^}]*)\}", text)
    assert set(re.findall(r'= "(\w+)"', wanted)) <= line().keys()


def test_old_lines_and_many_streams_are_refused() -> None:
    limits = LOKI["limits_config"]
    assert limits["reject_old_samples"]
    assert limits["max_global_streams_per_user"] <= 1_000
    assert LOKI["compactor"]["retention_enabled"]
    assert not LOKI["analytics"]["reporting_enabled"]


@each_file
@pytest.mark.parametrize("name", QUERIES)
def test_a_panel_asks_for_what_is_collected(path: Path, name: str) -> None:
    text = text_of(path)
    query = read_logql(QUERIES[name])
    assert set(query.matched) <= LABELS
    assert f'"{query.matched["job"]}"' in text
    (metadata,) = re.findall(r"stage\.structured_metadata \{\s*values = \{([^}]*)\}", text)
    beside = set(re.findall(r"(\w+) =", metadata)) if query.matched["job"] == DEVICES else set()
    assert query.filtered <= LABELS | beside
    if query.matched["job"] == DEVICES:
        assert query.parsed <= line().keys()


def test_a_device_and_the_pipeline_have_their_logs() -> None:
    assert ["device: Log in Loki", "pipeline: Warnings and errors"] == list(QUERIES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{a="b"}', LogQuery({"a": "b"})),
        ('{a=~"b|{c}", d!="e"}', LogQuery({"a": "b|{c}", "d": "e"})),
        ('{a="b"} |= "x | y=" | c="d"', LogQuery({"a": "b"}, {"c"})),
        (
            '{a="b"} | c="d" | json | e=~"f.*" | line_format "{{.g}}: {{ .h }}"',
            LogQuery({"a": "b"}, {"c"}, {"e", "g", "h"}),
        ),
    ],
)
def test_a_query_is_taken_apart(text: str, expected: LogQuery) -> None:
    assert expected == read_logql(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{a="b"',
        "{a=b}",
        '{a="b"} | c=',
        '{a="b"} | jsonp',
        '{a="b"} | line_format "{{.message}}"',
        '{a="b"} c="d"',
    ],
)
def test_what_is_no_query_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"query|stream|parsed|read"):
        read_logql(text)
