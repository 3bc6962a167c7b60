"""Rows as people and programs want them."""

from typing import Any

import pytest
import yaml

from cli._output import Column
from cli._rows import write_rows
from cli._windows import RowFormat

ROWS: list[dict[str, Any]] = [{"serial": "a", "data": {"n": 1}}, {"serial": "ü", "data": {}}]


def test_yaml_that_comes_row_by_row_is_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(iter(ROWS), (Column("serial", "SERIAL"),), RowFormat.YAML)
    text = capsys.readouterr().out
    assert ROWS == yaml.safe_load(text)
    assert "ü" in text
