"""Settings from files: read as they are, refused with the reason."""

from pathlib import Path

import pytest

from weir.config import Settings, reveal, variable_names
from weir.errors import ConfigError
from weir.setting_files import SUFFIX, VALUE_BYTES_MAX

URL = "amqp://weir:secret@broker:5672/"


def test_a_setting_may_be_given_by_a_file(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text(f"{URL}\n", encoding="utf-8")
    settings = Settings.from_env({"WEIR_AMQP_URL_FILE": str(path)}, require=["WEIR_AMQP_URL"])
    assert URL == reveal(settings.amqp.url, "WEIR_AMQP_URL")


def test_a_value_and_a_file_are_too_much(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text(URL, encoding="utf-8")
    environ = {"WEIR_AMQP_URL": URL, "WEIR_AMQP_URL_FILE": str(path)}
    with pytest.raises(ConfigError, match="WEIR_AMQP_URL and WEIR_AMQP_URL_FILE are both set"):
        Settings.from_env(environ)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "can't decode"),
        (b"x" * (VALUE_BYTES_MAX + 1), f"more than {VALUE_BYTES_MAX} bytes"),
    ],
    ids=["missing", "empty", "binary", "long"],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "url"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"WEIR_AMQP_URL_FILE cannot be used: .*{reason}"):
        Settings.from_env({"WEIR_AMQP_URL_FILE": str(path)})


def test_a_wrong_value_from_a_file_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text("http://weir:secret@broker", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        Settings.from_env({"WEIR_AMQP_URL_FILE": str(path)})
    assert "secret" not in str(caught.value)


def test_no_setting_is_called_like_the_file_of_another() -> None:
    assert [] == [name for name in variable_names() if name.endswith(SUFFIX)]
