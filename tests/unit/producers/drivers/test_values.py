"""Nested JSON as fields: names, numbers in texts, bounds; and key=value pairs."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.drivers._answers import QUOTED_BYTES_MAX, quoting
from producers.drivers._values import flatten, parse_logfmt
from weir.errors import DecodeError
from weir.model.limits import (
    DOCUMENT_DEPTH_MAX,
    FIELD_COUNT_MAX,
    INTEGER_MAGNITUDE_MAX,
    TEXT_LENGTH_MAX,
)

NAMES = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
LEAVES = (
    st.booleans()
    | st.integers(-INTEGER_MAGNITUDE_MAX, INTEGER_MAGNITUDE_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.from_regex(r"[a-z][a-z ]{0,20}", fullmatch=True)
)
TREES = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12)

#: Small ones: generating is what takes the time, and a busy machine makes it fail.
DOCUMENTS = st.recursive(
    st.none() | LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(tree=TREES)
def test_every_leaf_is_a_field_under_its_path_with_its_value(tree: Any) -> None:
    expected = {}

    def walk(part: Any, path: list[str]) -> None:
        if isinstance(part, dict):
            for key, member in part.items():
                walk(member, [*path, key])
        else:
            expected[".".join(path) or "value"] = part

    walk(tree, [])
    flat = flatten(tree)
    assert expected == flat
    assert [type(value) for value in expected.values()] == [type(v) for v in flat.values()]


@settings(deadline=None)
@given(number=st.integers(-INTEGER_MAGNITUDE_MAX, INTEGER_MAGNITUDE_MAX) | st.floats(-1e300, 1e300))
def test_a_number_in_a_text_is_the_number(number: float) -> None:
    assert flatten({"a": number}) == flatten({"a": f" {number} "})


@settings(max_examples=50, deadline=None)
@given(document=DOCUMENTS)
def test_any_document_gives_fields_or_says_why_not(document: Any) -> None:
    try:
        flatten(document)
    except DecodeError as error:
        assert str(error)  # noqa: PT017 - both ways are right


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        ({"a": [{"b": 1}, {"b": "2"}]}, {"a.0.b": 1, "a.1.b": 2}),
        ({"a": True, "b": "true", "c": None, "d": ""}, {"a": True, "b": "true"}),
        ({"import W": "-.5e1"}, {"import_W": -5.0}),
        ({"a": "007", "b": "0x10", "c": "1_000", "d": "nan", "e": "1,5"}, None),
        (21.5, {"value": 21.5}),
        ([], {}),
    ],
)
def test_how_documents_are_flattened(document: Any, fields: dict[str, Any] | None) -> None:
    if fields is None:
        fields = {"a": 7, "b": "0x10", "c": "1_000", "d": "nan", "e": "1,5"}
    assert fields == flatten(document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"a": INTEGER_MAGNITUDE_MAX + 1}, "beyond 2"),
        ({"a": str(INTEGER_MAGNITUDE_MAX + 1)}, "beyond 2"),
        ({"a": "1e999"}, "not a finite"),
        ({"a": float("nan")}, "not a finite"),
        ({"a": "x" * (TEXT_LENGTH_MAX + 1)}, "characters"),
        ({"a": "x\0y"}, "U\\+0000"),
        ({"a b": 1, "a_b": 2}, "both called 'a_b'"),
        ({"a": {"b": 1}, "a.b": 2}, "both called"),
        ({"x" * 201: 1}, "no name of a field"),
        ({str(n): n for n in range(FIELD_COUNT_MAX + 1)}, "over 256"),
        (json.loads("[" * (DOCUMENT_DEPTH_MAX + 1) + "1" + "]" * (DOCUMENT_DEPTH_MAX + 1)), "deep"),
    ],
)
def test_what_cannot_be_stored_is_refused(document: Any, said: str) -> None:
    with pytest.raises(DecodeError, match=said):
        flatten(document)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("a=1 b=two", {"a": "1", "b": "two"}),
        ('a="x y" b="say \\"hi\\"\\n"', {"a": "x y", "b": 'say "hi"\n'}),
        ("a\nb=\tc", {"a": "true", "b": "", "c": "true"}),
        ("", {}),
        ("url=http://h/?a=b", None),
    ],
)
def test_pairs_are_read(text: str, pairs: dict[str, str] | None) -> None:
    if pairs is None:
        with pytest.raises(DecodeError):
            parse_logfmt(text.replace("=b", '="b'))
        pairs = {"url": "http://h/?a=b"}
    assert pairs == parse_logfmt(text)


@pytest.mark.parametrize("text", ["=1", 'a="x', "a=1 a=2", 'a="x"y', '"a"=1'])
def test_what_are_no_pairs_is_refused(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_logfmt(text)


@settings(deadline=None)
@given(text=st.text(alphabet='ab="\\ \n', max_size=30))
def test_any_text_is_pairs_or_an_error(text: str) -> None:
    try:
        parse_logfmt(text)
    except DecodeError as error:
        assert str(error)  # noqa: PT017 - both ways are right


def test_an_error_quotes_the_answer_up_to_a_bound() -> None:
    answer = b"\xff" * 10_000
    with (
        pytest.raises(DecodeError, match="what is wrong; the answer has 10000 bytes") as caught,
        quoting(answer),
    ):
        raise DecodeError("what is wrong")
    assert repr(answer[:QUOTED_BYTES_MAX]) in str(caught.value)
    assert repr(answer[: QUOTED_BYTES_MAX + 1]) not in str(caught.value)
