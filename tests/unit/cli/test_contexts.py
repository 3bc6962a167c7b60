"""Contexts: kept in one private file, and changed by one command at a time."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli._contexts import (
    Context,
    Contexts,
    Login,
    changing_contexts,
    contexts_file,
    read_contexts,
)
from weir.errors import ConfigError, NotFoundError

LOGIN = Login("anna", "access", "2026-03-14T15:19:26.000000Z", "refresh")
HARBOUR = Context("harbour", "https://harbour.example", "", LOGIN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return contexts_file({"XDG_CONFIG_HOME": str(tmp_path)})


def test_without_a_file_there_are_none(path: Path) -> None:
    assert Contexts() == read_contexts(path)


def test_what_was_written_is_read_back(path: Path) -> None:
    with changing_contexts(path) as contexts:
        contexts.put(HARBOUR)
        contexts.put(Context("lab", "http://lab", "weir_token"))
        contexts.current = "lab"
    written = contexts

    assert written == read_contexts(path)


def test_nobody_else_may_read_it(path: Path) -> None:
    for _ in range(2):
        with changing_contexts(path) as contexts:
            contexts.put(HARBOUR)

        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_error_changes_nothing(path: Path) -> None:
    def change() -> None:
        with changing_contexts(path) as contexts:
            contexts.put(HARBOUR)
            contexts.find("nowhere")

    with pytest.raises(NotFoundError):
        change()

    assert Contexts() == read_contexts(path)


@pytest.mark.parametrize(
    "text", ["[", "[]", "5", "contexts: 5", "contexts: {a: {login: 5}}", "contexts: {a: {b: 1}}"]
)
def test_a_damaged_file_is_named(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)

    with pytest.raises(ConfigError, match=r"contexts\.yaml"):
        read_contexts(path)


def test_no_secret_is_in_what_is_logged() -> None:
    shown = repr(HARBOUR) + repr(Context("a", "http://a", "weir_secret"))

    assert not [secret for secret in ("access'", "refresh'", "weir_secret") if secret in shown]


@pytest.mark.parametrize(("left_s", "ends_soon"), [(31, False), (30, True), (-1, True)])
def test_a_login_is_refreshed_before_it_ends(left_s: int, ends_soon: bool) -> None:
    ends_at = datetime(2026, 3, 14, 15, 19, 26, tzinfo=UTC)

    assert ends_soon == LOGIN.ends_soon(ends_at - timedelta(seconds=left_s))
