"""Files of readings: one that is there is whole."""

from pathlib import Path

import pytest

from cli._readings_export import PARTIAL_SUFFIX, opened
from weir.errors import ConfigError, GatewayUnavailableError


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with opened(path) as file:
        file.write(b"whole")
        assert not path.exists()

    assert b"whole" == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


def test_what_was_cut_off_is_kept_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"older")

    def cut_off() -> None:
        with opened(path) as file:
            file.write(b"not wh")
            raise GatewayUnavailableError

    with pytest.raises(GatewayUnavailableError):
        cut_off()

    assert b"older" == path.read_bytes()
    assert b"not wh" == path.with_name(path.name + PARTIAL_SUFFIX).read_bytes()


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"), opened(tmp_path / "no" / "a.csv"):
        pass
