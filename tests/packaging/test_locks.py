"""The locks give what pyproject.toml asks for, with hashes and without addresses."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent.parent
LOCKS = ("run", "dev")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def entries(lock: str) -> list[str]:
    """Each locked package with its hashes, as one line."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and line.strip()[0] != "#"]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def pinned(lock: str) -> list[Requirement]:
    return [Requirement(entry.partition("--hash")[0]) for entry in entries(lock)]


def parts_of(extra: list[str]) -> set[str]:
    """Name the extras that an extra is made of; each names those that it needs itself."""
    requirements = map(Requirement, extra)
    return {part for own in requirements if own.name == "weir" for part in own.extras}


def asked_for(project: dict[str, Any], lock: str) -> list[Requirement]:
    extras = project["project"]["optional-dependencies"]
    groups = project["dependency-groups"]
    lines = [*project["project"]["dependencies"], *groups["build"]]
    for extra in extras if lock == "dev" else ("embedded", *parts_of(extras["embedded"])):
        lines += extras[extra]
    if lock == "dev":
        lines += [line for line in groups["dev"] if isinstance(line, str)]
    requirements = map(Requirement, lines)
    return [requirement for requirement in requirements if requirement.name != "weir"]


@pytest.mark.parametrize("lock", LOCKS)
def test_what_the_project_asks_for_is_locked(project: dict[str, Any], lock: str) -> None:
    pins: dict[str, list[Requirement]] = {}
    for pin in pinned(lock):
        pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    stale = [
        str(requirement)
        for requirement in asked_for(project, lock)
        if not is_met(requirement, pins.get(canonicalize_name(requirement.name), []))
    ]
    assert [] == stale, "run `make lock`"


def is_met(requirement: Requirement, pins: list[Requirement]) -> bool:
    """Tell whether there are pins, one for each kind of interpreter, and all are allowed."""
    versions = [specifier.version for pin in pins for specifier in pin.specifier]
    return bool(versions) and all(map(requirement.specifier.contains, versions))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    assert [] == [entry for entry in entries(lock) if "--hash=sha256:" not in entry]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    assert [] == [word for word in ("://", "--index", "--find-links", " @ ") if word in text]


def test_running_and_developing_use_the_same_versions() -> None:
    run, dev = ({(pin.name, str(pin.specifier)) for pin in pinned(lock)} for lock in LOCKS)
    assert set() == run - dev
