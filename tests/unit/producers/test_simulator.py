"""Who the simulated devices are."""

import json
from pathlib import Path

import pytest

from producers.simulator import choose_credentials, read_credentials
from weir.errors import ConfigError


def test_without_credentials_names_are_made() -> None:
    assert {"sim-001": "", "sim-002": ""} == choose_credentials({}, 2)


def test_the_first_credentials_are_taken() -> None:
    credentials = {"sim-003": "c", "sim-001": "a", "sim-002": "b"}
    assert {"sim-001": "a", "sim-002": "b"} == choose_credentials(credentials, 2)


def test_too_few_credentials_are_a_config_error() -> None:
    with pytest.raises(ConfigError, match="3 simulated devices, but credentials of 1"):
        choose_credentials({"sim-001": "a"}, 3)


def test_credentials_are_read_from_json(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps({"sim-001": "a"}))
    assert {"sim-001": "a"} == read_credentials(path)


@pytest.mark.parametrize(
    "content", ["", "[]", '{"sim-001": 1, "secret": "hunter2"}', '{"sim.001": "hunter2"}', "\xff"]
)
def test_another_file_is_a_config_error_that_shows_no_password(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"credentials\.json") as caught:
        read_credentials(path)
    assert "hunter2" not in str(caught.value)


def test_no_file_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_credentials(tmp_path / "nothing.json")
