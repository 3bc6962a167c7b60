"""Reads the LogQL of our panels: what it asks of labels, and what of the line.

Source: Grafana Loki 3, "Log queries". Only what ours use; anything else is an error, so that it
gets a case here and in the tests. Ours were also parsed by Grafana's own grammar, lezer-logql 0.4.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_STRING = r'"(?:[^"\\]|\\.)*"'
_MATCHER = rf"\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*({_STRING})\s*"
_SELECTOR = re.compile(rf"\s*\{{(?P<matchers>{_MATCHER}(?:,{_MATCHER})*)\}}\s*")
_LINE_FILTER = re.compile(rf"\s*(?:\|=|\|~|!=|!~)\s*{_STRING}\s*")
_PARSER = re.compile(r"\s*\|\s*json\b\s*(?![\w=])")
_FORMAT = re.compile(rf"\s*\|\s*line_format\s*({_STRING})\s*")
_FILTER = re.compile(rf"\s*\|{_MATCHER}(?!\w)")
_NAMED = re.compile(r"\{\{\s*\.(\w+)\s*\}\}")


@dataclass(slots=True)
class LogQuery:
    """What one query names.

    Attributes:
        matched: labels of streams, with what they are to be.
        filtered: of what is beside a line: labels, or structured metadata.
        parsed: of what the line itself has, as JSON.
    """

    matched: dict[str, str] = field(default_factory=dict)
    filtered: set[str] = field(default_factory=set)
    parsed: set[str] = field(default_factory=set)


def read_logql(query: str) -> LogQuery:
    """Take a query apart.

    Raises:
        ValueError: it is not LogQL, or not of the kind that this knows.
    """
    selector = _SELECTOR.match(query)
    if selector is None:
        raise ValueError(f"no selector of streams: {query}")
    found = LogQuery()
    for name, _, value in re.findall(_MATCHER, selector["matchers"]):
        found.matched[name] = value[1:-1]
    is_parsed = False
    for kind, text in _stages(query, selector.end()):
        match kind:
            case "json":
                is_parsed = True
            case "format" if not is_parsed:
                raise ValueError(f"names what nothing has parsed: {query}")
            case "format":
                found.parsed |= set(_NAMED.findall(text))
            case "filter":
                (found.parsed if is_parsed else found.filtered).add(text)
    return found


def _stages(query: str, position: int) -> Iterator[tuple[str, str]]:
    kinds = {"line": _LINE_FILTER, "json": _PARSER, "format": _FORMAT, "filter": _FILTER}
    while position < len(query):
        for kind, pattern in kinds.items():
            if match := pattern.match(query, position):
                yield kind, match[1] if match.groups() else ""
                position = match.end()
                break
        else:
            raise ValueError(f"not read from {position} on: {query}")
