"""Expands Grafana's macros and variables in SQL as Grafana does, to run a panel without it.

Only what our panels use; anything else is an error here rather than a surprise there.
Source: Grafana 11 documentation, "PostgreSQL query editor", "Variable syntax".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

_CALL = re.compile(r"\$__(\w+)\(([^()]*)\)")
_VARIABLE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(\w+)")


@dataclass(frozen=True, slots=True)
class View:
    """What a person looks at: a span of time, how far points are apart, and what was chosen."""

    since: datetime
    until: datetime
    interval: str = "1m"
    variables: Mapping[str, Sequence[str]] = field(default_factory=dict)


def expand(text: str, view: View) -> str:
    """Give the SQL that Grafana would send.

    Raises:
        ValueError: a macro or a variable that is not known, or one that is not quoted.
    """
    called = _CALL.sub(lambda match: _call(match[1], match[2].strip(), view), text)
    return _VARIABLE.sub(lambda match: _value(match, view), called)


def _call(name: str, argument: str, view: View) -> str:
    since, until = _quoted(_instant(view.since)), _quoted(_instant(view.until))
    match name:
        case "timeFrom":
            return since
        case "timeTo":
            return until
        case "timeFilter":
            return f"{argument} BETWEEN {since} AND {until}"
        case _:
            raise ValueError(f"a macro that is not known: $__{name}")


def _value(match: re.Match[str], view: View) -> str:
    name = match[1] or match[3]
    if name == "__interval":
        return view.interval
    if name not in view.variables:
        raise ValueError(f"a variable that is not known: {match[0]}")
    if match[2] != "sqlstring":
        raise ValueError(f"a variable that SQL would take as it stands: {match[0]}")
    return ",".join(_quoted(value) for value in view.variables[name])


def _instant(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
