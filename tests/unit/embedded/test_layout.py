"""The folder of `iotctl up`."""

import stat
from pathlib import Path

import pytest

from weir.embedded.layout import Layout
from weir.errors import ConfigError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_private_is_for_its_owner_only(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    layout.make()
    token = layout.gateway_token()
    assert mode(layout.folder) == 0o711
    assert {mode(path) for path in (layout.secrets, layout.logs, layout.device_logs)} == {0o700}
    assert mode(layout.gateway_token_file) == 0o600
    assert len(token) >= 32


def test_a_second_start_finds_what_the_first_one_made(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    layout.make()
    token, password = layout.gateway_token(), layout.admin_password()
    layout.make()
    assert (token, password) == (layout.gateway_token(), layout.admin_password())
    assert mode(layout.admin_password_file) == 0o600


@pytest.mark.parametrize("name", ["my data", "file/data"])
def test_a_folder_that_cannot_be_used_is_said_to_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=name):
        Layout(tmp_path / name).make()
