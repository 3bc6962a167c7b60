"""Editing ends with what was taken, or with what was there; nothing written is lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli._documents import Language
from cli._editing import edit_with
from weir.errors import ConflictError, RequestError, WeirError

BEFORE = {"rate": 50}


class Person:
    """Writes one text after the other, and remembers what there was to read."""

    def __init__(self, *texts: str) -> None:
        self.read: list[str] = []
        self._texts: Iterator[str] = iter(texts)

    def __call__(self, file: Path) -> None:
        self.read.append(file.read_text("utf-8"))
        file.write_text(next(self._texts), "utf-8")
        assert 0 == file.stat().st_mode & 0o077


class Gateway:
    """Takes whatever has no rate above 100."""

    def __init__(self, error: WeirError | None = None) -> None:
        self.taken: list[dict[str, Any]] = []
        self._error = error

    def __call__(self, document: dict[str, Any]) -> None:
        if self._error:
            raise self._error
        if document["rate"] > 100:
            raise RequestError("rate: must be at most 100")
        self.taken.append(document)


def edit(person: Person, gateway: Gateway, language: Language = Language.YAML) -> bool:
    return edit_with(person, BEFORE, "crane-7, version 3", language, gateway)


def test_what_is_taken_ends_it() -> None:
    person, gateway = Person("# comment\nrate: 60\n"), Gateway()

    assert edit(person, gateway)

    assert [{"rate": 60}] == gateway.taken
    assert person.read[0].startswith("# crane-7, version 3\n# Lines that begin")
    assert person.read[0].endswith("rate: 50\n")


def test_json_has_the_same_comments_on_top() -> None:
    gateway = Gateway()

    assert edit(Person('# comment\n{"rate": 60}'), gateway, Language.JSON)

    assert [{"rate": 60}] == gateway.taken


@pytest.mark.parametrize("wrong", ["rate: 101\n", "rate: [\n", "- 1\n"])
def test_what_is_refused_is_opened_again_with_the_reason(wrong: str) -> None:
    person, gateway = Person(wrong, "rate: 99\n"), Gateway()

    assert edit(person, gateway)

    assert [{"rate": 99}] == gateway.taken
    assert person.read[1].startswith("# not taken: ")
    assert person.read[1].endswith(wrong)


@pytest.mark.parametrize("text", ["", "# all is gone\n", "\n\n", "rate: 50\n", "# x\nrate: 50.0\n"])
def test_nothing_new_gives_up(text: str) -> None:
    gateway = Gateway()

    assert not edit(Person(text), gateway)

    assert [] == gateway.taken


def test_the_same_refused_text_left_twice_ends_it_and_names_its_file() -> None:
    with pytest.raises(RequestError, match="at most 100") as caught:
        edit(Person("rate: 101\n", "rate: 101\n"), Gateway())

    file = Path(str(caught.value).rpartition(" ")[2])
    assert "rate: 101\n" in file.read_text("utf-8")
    file.unlink()


def test_what_editing_cannot_mend_ends_it_and_names_the_file() -> None:
    with pytest.raises(ConflictError, match="changed meanwhile") as caught:
        edit(Person("rate: 60\n"), Gateway(ConflictError("it has changed meanwhile")))

    file = Path(str(caught.value).rpartition(" ")[2])
    assert "rate: 60\n" == file.read_text("utf-8")
    file.unlink()
