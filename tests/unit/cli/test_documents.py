"""Documents as people write them, and what is refused before anything is sent."""

from typing import Any

import pytest

from cli._documents import Language, parse_assignments, read_document, write_document
from weir.errors import ConfigError


@pytest.mark.parametrize(
    ("assignments", "removed", "patch"),
    [
        (["a=1"], [], {"a": 1}),
        (["a=1.5", "b=true", "c=north side"], [], {"a": 1.5, "b": True, "c": "north side"}),
        (["a.b=1", "a.c=[1, 2]"], ["a.d"], {"a": {"b": 1, "c": [1, 2], "d": None}}),
        ([r"a\.b.c\=d=x=y"], [], {"a.b": {"c=d": "x=y"}}),
        (['a={"b": 1}', "c="], [], {"a": {"b": 1}, "c": ""}),
        (['a="1"', "b=NaN"], [], {"a": "1", "b": "NaN"}),
    ],
)
def test_assignments_become_a_merge_patch(
    assignments: list[str], removed: list[str], patch: dict[str, Any]
) -> None:
    assert patch == parse_assignments(assignments, removed)


@pytest.mark.parametrize(
    ("assignments", "removed", "told"),
    [
        (["a"], [], "NAME=VALUE"),
        ([".a=1"], [], "empty"),
        (["a..b=1"], [], "empty"),
        (["a=1", "a.b=2"], [], "as well"),
        (["a=1", "a=2"], [], "twice"),
        (["a=1"], ["a"], "twice"),
        (["a=null"], [], "--unset"),
        ([], ["a=1"], "without a value"),
    ],
)
def test_what_contradicts_itself_is_refused(
    assignments: list[str], removed: list[str], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_assignments(assignments, removed)


@pytest.mark.parametrize("language", Language)
def test_a_document_comes_back_as_it_was(language: Language) -> None:
    document = {
        "on": "yes",
        "at": "2026-03-14",
        "2": [1, 1.5, None, {"ü": "#\n"}],
        "x": "1e3",
        "none": {},
    }

    assert document == read_document(write_document(document, language), language)
    assert {} == read_document(write_document({}, language), language)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "an object"),
        ("just text", "an object"),
        ("a: [", "not YAML"),
        ("1: a", "names are texts"),
        ("a: {b: [{2: c}]}", "names are texts"),
        ("a: .nan", "JSON does not know"),
        ("a: !!python/object:os.system x", "not YAML"),
        ("a: !!binary aGVsbG8=", "JSON does not know"),
    ],
)
def test_what_is_no_document_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_document(text, Language.YAML)
