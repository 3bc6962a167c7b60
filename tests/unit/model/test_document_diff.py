"""What differs between two documents is told place by place."""

from typing import Any

import pytest

from weir.model.document_diff import Difference, Kind, differences


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({}, {"a": 1}, [Difference("a", Kind.ADDED, after=1)]),
        ({"a": None}, {}, [Difference("a", Kind.REMOVED)]),
        (
            {"a": {"b": 1, "c": 2}},
            {"a": {"b": 2, "c": 2}},
            [Difference("a.b", Kind.CHANGED, 1, 2)],
        ),
        ({"a": {"b": 1}}, {"a": [1]}, [Difference("a", Kind.CHANGED, {"b": 1}, [1])]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, [Difference("a", Kind.CHANGED, 1, after=True)]),
        ({"a": [{"b": 0}]}, {"a": [{"b": False}]}, 1),
        ({"a.b": {"c=": 1}}, {"a.b": {"c=": 2}}, [Difference(r"a\.b.c\=", Kind.CHANGED, 1, 2)]),
    ],
)
def test_differences_are_told(
    before: dict[str, Any], after: dict[str, Any], expected: list[Difference] | int
) -> None:
    found = differences(before, after)

    assert expected == (len(found) if isinstance(expected, int) else found)
