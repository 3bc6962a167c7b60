"""Tokens in the key ring of the system, and what becomes of them where there is none."""

from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.backends.fail
import pytest

from cli._contexts import (
    Context,
    Login,
    changing_contexts,
    contexts_file,
    read_contexts,
)

LOGIN = Login("anna", "access-1", "2026-03-14T15:19:26.000000Z", "refresh-1")
HARBOUR = Context("harbour", "https://harbour.example", "", LOGIN, uses_keyring=True)


class Ring(keyring.backend.KeyringBackend):
    """A key ring as the library wants one, for the time of a test."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library has no types here
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return contexts_file({"XDG_CONFIG_HOME": str(tmp_path)})


@pytest.fixture
def ring() -> Iterator[Ring]:
    before = keyring.get_keyring()
    ring = Ring()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def nothing() -> keyring.backend.KeyringBackend:
    return keyring.backends.fail.Keyring()  # type: ignore[no-untyped-call]  # as above


@pytest.fixture
def no_ring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(nothing())
    yield
    keyring.set_keyring(before)


def test_what_is_secret_is_in_the_ring_and_not_in_the_file(path: Path, ring: Ring) -> None:
    with changing_contexts(path) as contexts:
        contexts.put(HARBOUR)
    text = path.read_text()
    assert not [secret for secret in ("access-1", "refresh-1") if secret in text]
    assert "anna" in text
    assert "refresh-1" in ring.kept["weir", "harbour"]
    assert HARBOUR == read_contexts(path).find("harbour")


def test_a_change_of_another_context_leaves_it_alone(path: Path, ring: Ring) -> None:
    with changing_contexts(path) as contexts:
        contexts.put(HARBOUR)
    before = dict(ring.kept)
    with changing_contexts(path) as contexts:
        contexts.find("harbour")
        contexts.put(Context("lab", "http://lab", "weir_token"))
    assert before == ring.kept
    assert "access-1" not in path.read_text()
    assert "weir_token" in path.read_text()
    with changing_contexts(path) as contexts:
        contexts.current = "lab"
    assert HARBOUR == read_contexts(path).find("harbour")


def test_a_login_that_ends_is_forgotten(path: Path, ring: Ring) -> None:
    with changing_contexts(path) as contexts:
        contexts.put(HARBOUR)
    with changing_contexts(path) as contexts:
        contexts.log_in("harbour", None)
    assert {} == ring.kept
    assert read_contexts(path).find("harbour").login is None


def test_a_context_that_is_removed_leaves_nothing(path: Path, ring: Ring) -> None:
    with changing_contexts(path) as contexts:
        contexts.put(HARBOUR)
    with changing_contexts(path) as contexts:
        contexts.remove("harbour")
    assert {} == ring.kept


@pytest.mark.usefixtures("no_ring")
def test_without_a_ring_the_file_keeps_it_and_that_is_said(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with changing_contexts(path) as contexts:
        contexts.put(HARBOUR)
    assert f"the login of harbour is kept in {path}, for you alone" in capsys.readouterr().err
    assert HARBOUR == read_contexts(path).find("harbour")


def test_a_ring_that_is_gone_is_told_and_one_can_log_in_again(
    path: Path, ring: Ring, capsys: pytest.CaptureFixture[str]
) -> None:
    with changing_contexts(path) as contexts:
        contexts.put(HARBOUR)
    assert ring.kept
    keyring.set_keyring(nothing())
    assert read_contexts(path).find("harbour").login is None
    assert "the key ring has the login of harbour" in capsys.readouterr().err
    with changing_contexts(path) as contexts:
        contexts.log_in("harbour", LOGIN)
    assert HARBOUR == read_contexts(path).find("harbour")
