"""What PromQL names: metrics, and the labels that it asks of each. No more of it than that."""

import re
from dataclasses import dataclass

#: Words of the language; functions are recognised by their parenthesis.
_WORDS = {"by", "without", "and", "or", "unless", "on", "ignoring", "bool", "offset", "le", "inf"}
_SELECTOR = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)\s*(?P<labels>\{[^}]*\})?(?P<call>\s*\()?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(by|without|on|ignoring)\s*\(([^)]*)\)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SPAN = re.compile(r"\[[^\]]*\]")
_NUMBER = re.compile(r"\b\d[\w.]*\b")


@dataclass(frozen=True, slots=True)
class Named:
    """One metric that an expression names, with the labels of its selector."""

    metric: str
    labels: frozenset[str]


def named_in(expression: str) -> list[Named]:
    """Give every metric of an expression."""
    # What strings contain could look like anything.
    bare = _SPAN.sub("", _STRING.sub('""', expression))
    bare = _NUMBER.sub("", _GROUPING.sub("", bare))
    return [
        Named(match["name"], frozenset(_LABEL.findall(match["labels"] or "")))
        for match in _SELECTOR.finditer(bare)
        if not match["call"] and match["name"].lower() not in _WORDS
    ]


def grouped_by(expression: str) -> set[str]:
    """Give every label by which an expression groups."""
    found = _GROUPING.findall(_STRING.sub('""', expression))
    return {label.strip() for _, labels in found for label in labels.split(",") if label.strip()}
