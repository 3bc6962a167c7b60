"""Turn nested JSON into fields: dotted names; texts that are numbers become such.

Shared by the drivers whose devices answer in JSON, or in words that mean the same. Pure.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from weir.codec.encode import Value
from weir.errors import DecodeError
from weir.model.limits import (
    DOCUMENT_DEPTH_MAX,
    FIELD_COUNT_MAX,
    FIELD_NAME_PATTERN,
    INTEGER_MAGNITUDE_MAX,
    TEXT_LENGTH_MAX,
)

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_\-./:\[\]]+")
_FIELD_NAME = re.compile(FIELD_NAME_PATTERN)
#: No number that fits a double is written longer; Python refuses to read thousands of digits.
_NUMBER_LENGTH_MAX = 400


def flatten(document: Any) -> dict[str, Value]:
    """Give the members of a document by dotted names: `{"a": {"b": [1]}}` gives `a.b.0`.

    What is null or empty has no value. A document that is one value alone is called `value`.

    Raises:
        DecodeError: too deep or too many, two members of one name, or a value that is none.
    """
    values: dict[str, Value] = {}
    for path, part in _leaves(document, (), 0):
        name = field_name(".".join(path) or "value")
        if name in values:
            raise DecodeError(f"two members of the answer are both called {name!r}")
        value = value_of(part, name)
        if value is not None:
            values[name] = value
        if len(values) > FIELD_COUNT_MAX:
            raise DecodeError(f"over {FIELD_COUNT_MAX} values in one answer")
    return values


def value_of(part: Any, name: str) -> Value | None:
    """Make one value of what JSON has: a text that is a number becomes one; null is no value.

    Raises:
        DecodeError: not a value, not finite, or beyond what is stored exactly.
    """
    match part:
        case None | "":
            return None
        case bool():
            return part
        case int() | float():
            return checked(part, name)
        case str():
            return _value_of_text(part, name)
        case _:
            raise DecodeError(f"{name}: an object or a list, not one value")


def checked(number: float, name: str) -> int | float:
    """Give back a number that can be stored.

    Raises:
        DecodeError: it is not finite, or an integer beyond 2^53.
    """
    if isinstance(number, int):
        if abs(number) > INTEGER_MAGNITUDE_MAX:
            raise DecodeError(f"{name}: an integer beyond 2^53, where doubles round")
        return number
    if not math.isfinite(number):
        raise DecodeError(f"{name}: {number} is not a finite number")
    return number


def field_name(text: str) -> str:
    """Make a field's name of any text; what names cannot have becomes an underscore.

    Raises:
        DecodeError: nothing is left, or too much.
    """
    name = _NOT_IN_NAMES.sub("_", text)
    if _FIELD_NAME.fullmatch(name) is None:
        raise DecodeError(f"{text[:80]!r} gives no name of a field")
    return name


def parse_logfmt(text: str) -> dict[str, str]:
    r"""Read `key=value` pairs: `temp=21.5 state="door open"`; a key alone means `true`.

    As in https://pkg.go.dev/github.com/kr/logfmt: pairs are separated by blanks, values with
    blanks are quoted, and a quotation mark in them is written `\"`.

    Raises:
        DecodeError: something else, or a key twice.
    """
    pairs: dict[str, str] = {}
    end = 0
    for match in _PAIR.finditer(text):
        if text[end : match.start()].strip():
            break
        end = match.end()
        key = match["key"]
        if key in pairs:
            raise DecodeError(f"the key {key[:80]!r} twice")
        quoted = match["quoted"]
        bare = "true" if match["bare"] is None else match["bare"]
        pairs[key] = bare if quoted is None else _unescape(quoted)
    if text[end:].strip():
        raise DecodeError(f"not key=value at character {end + 1}")
    return pairs


def truth(text: str) -> bool | str:
    """Make a boolean of a text that says so: logfmt has no other way."""
    return {"true": True, "false": False}.get(text, text)


_PAIR = re.compile(
    r'(?<!\S)(?P<key>[^\s="]+)(?:=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s"]*)))?(?!\S)'
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _unescape(quoted: str) -> str:
    return _ESCAPED.sub(lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), quoted)


def _leaves(part: Any, path: tuple[str, ...], depth: int) -> Iterator[tuple[tuple[str, ...], Any]]:
    if depth > DOCUMENT_DEPTH_MAX:
        raise DecodeError(f"nested over {DOCUMENT_DEPTH_MAX} deep")
    match part:
        case Mapping():
            for key, member in part.items():
                yield from _leaves(member, (*path, str(key)), depth + 1)
        case list():
            for index, member in enumerate(part):
                yield from _leaves(member, (*path, str(index)), depth + 1)
        case _:
            yield path, part


def _value_of_text(text: str, name: str) -> Value:
    stripped = text.strip()
    if len(stripped) <= _NUMBER_LENGTH_MAX and _NUMBER.fullmatch(stripped):
        whole = _INTEGER.fullmatch(stripped)
        return checked(int(stripped) if whole else float(stripped), name)
    if len(text) > TEXT_LENGTH_MAX:
        raise DecodeError(f"{name}: a text of {len(text)} characters, over {TEXT_LENGTH_MAX}")
    if "\0" in text:
        raise DecodeError(f"{name}: a text with U+0000")
    return text
