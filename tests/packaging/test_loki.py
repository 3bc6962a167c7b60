"""What collects logs has few labels, and every part of it leads somewhere.

Neither Loki nor Alloy is at hand where these run: the files are read as YAML, and as blocks.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from weir.device_log_file import FILE_NAME, format_line
from weir.model.device_log import Level, LogEntry
from weir.paths import ROOT

ALLOY = sorted((ROOT / "deploy" / "alloy").glob("*.alloy"))
LOKI = yaml.safe_load((ROOT / "deploy" / "loki" / "loki.yaml").read_text())
LABELS = {"job", "service", "level"}

each_file = pytest.mark.parametrize("path", ALLOY, ids=lambda path: path.stem)


def text_of(path: Path) -> str:
    return re.sub(r"//(?!/).*", "", path.read_text().replace("unix:///", "unix:"))


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
    entry = LogEntry(0, Level.INFO, "started", {})
    line = json.loads(format_line("crane-1", datetime(2026, 11, 28, tzinfo=UTC), entry))
    (wanted,) = re.findall(r"expressions = \{([^}]*serial[^}]*)\}", text)
    assert set(re.findall(r'= "(\w+)"', wanted)) <= line.keys()


def test_old_lines_and_many_streams_are_refused() -> None:
    limits = LOKI["limits_config"]
    assert limits["reject_old_samples"]
    assert limits["max_global_streams_per_user"] <= 1_000
    assert LOKI["compactor"]["retention_enabled"]
    assert not LOKI["analytics"]["reporting_enabled"]
