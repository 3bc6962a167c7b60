"""Check a document against the JSON Schema that a device declares.

Such a schema is data from outside, like the document. It is checked as draft 2020-12 with a bounded
number of steps, nothing that it refers to is fetched, and what could run away is passed over: the
keywords with regular expressions (`pattern`, `patternProperties`), and `unevaluatedProperties` and
`unevaluatedItems`, which look through all others again. The device applies its own.

Source: JSON Schema 2020-12, Core and Validation.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

#: What is told of one document.
PROBLEM_COUNT_MAX = 20
#: Work for one document, counted in keywords applied and members looked at: a second or two at the
#: very most, in a thread where others wait. A configuration of 64 KiB takes up to 170 000.
STEP_COUNT_MAX = 200_000
#: Following a reference takes as long as so many other steps (measured).
_REFERENCE_STEP_COUNT = 20
_REFERENCES = frozenset({"$ref", "$dynamicRef"})
#: Schemas that stay prepared: a fleet has a few.
_PREPARED_COUNT = 256
#: Of a value in a message.
_SHOWN_LENGTH_MAX = 60
_MESSAGE_LENGTH_MAX = 300

#: A keyword of the library: (validator, value of the keyword, instance, schema) -> errors.
Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]

#: How the library answers a schema that is none, where a reference leads to one.
_UNUSABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class SchemaProblem:
    """What is wrong at one place of a document.

    `path` is as people write it, `limits.high[0]`; empty: the document as a whole.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class _TooManyStepsError(Exception):
    """The check has taken `STEP_COUNT_MAX` steps."""


class _Steps:
    """Counts the work of one check."""

    def __init__(self) -> None:
        self._left = STEP_COUNT_MAX

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise _TooManyStepsError


_STEPS: ContextVar[_Steps] = ContextVar("steps")


def problems_of(document: Any, schema: Mapping[str, Any]) -> list[SchemaProblem]:
    """Tell what is wrong with a document, by the schema that a device declares for it.

    Nothing is: an empty list. At most `PROBLEM_COUNT_MAX` are told. A schema that cannot be used
    lets nothing pass, and is the problem then.
    """
    schema_text = json.dumps(schema, sort_keys=True)
    reset = _STEPS.set(_Steps())
    try:
        found = islice(_prepared(schema_text).iter_errors(document), PROBLEM_COUNT_MAX)
        return [_told(error) for error in found]
    except SchemaError as error:
        place = _path(error.absolute_path)
        return [_unusable(f"{place}: {error.message}" if place else error.message)]
    except Unresolvable as error:
        return [_unusable(f"it refers to {error.ref!r}, which is not in it")]
    except RecursionError:
        return [_unusable("it refers to itself without an end")]
    except _TooManyStepsError:
        return [_unusable("checking the document with it takes too long")]
    except _UNUSABLE as error:
        return [_unusable(f"{type(error).__name__}: {error}")]
    finally:
        _STEPS.reset(reset)


def _unusable(reason: str) -> SchemaProblem:
    return SchemaProblem("", f"the schema that the device declares is unusable: {_cut(reason)}")


@lru_cache(_PREPARED_COUNT)
def _prepared(schema_text: str) -> Any:
    schema = _without_dialects(json.loads(schema_text))
    # No format is looked at: the one for regular expressions would compile them.
    Draft202012Validator.check_schema(schema, format_checker=FormatChecker(formats=()))
    return _Validator(schema, registry=Registry())


def _without_dialects(part: Any) -> Any:
    """Take out `$schema`, by which a part of a schema would choose a validator of its own."""
    if isinstance(part, dict):
        return {
            key: _without_dialects(value)
            for key, value in part.items()
            if not (key == "$schema" and isinstance(value, str))
        }
    if isinstance(part, list):
        return [_without_dialects(element) for element in part]
    return part


def _passed_over(*_: Any) -> None:
    """Take a keyword as fulfilled."""


def _required(
    validator: Any, names: Sequence[str], instance: Any, _: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        for name in names:
            if name not in instance:
                yield ValidationError("is missing", path=[name])


def _additional(
    validator: Any, wanted: Any, instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object") or "patternProperties" in schema:
        return
    known = schema.get("properties", {})
    for name in instance:
        if name in known:
            continue
        if wanted is False:
            names = ", ".join(sorted(known))
            message = f"is not known; there is: {names}" if names else "is not known; nothing is"
            yield ValidationError(message, path=[name])
        else:
            yield from validator.descend(instance[name], wanted, path=name)


def _unique(validator: Any, wanted: bool, instance: Any, _: Any) -> Iterator[ValidationError]:
    if wanted and validator.is_type(instance, "array"):
        texts = {json.dumps(_comparable(element), sort_keys=True) for element in instance}
        if len(texts) < len(instance):
            yield ValidationError("must not have the same element twice")


def _comparable(value: Any) -> Any:
    """Give numbers that JSON Schema takes for equal one form: 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _comparable(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_comparable(element) for element in value]
    return value


def _counted(name: str, keyword: Keyword) -> Keyword:
    """Make a keyword take steps for itself, and one for each member that it may look at."""
    own_count = _REFERENCE_STEP_COUNT if name in _REFERENCES else 1

    def count(
        validator: Any, value: Any, instance: Any, schema: Any
    ) -> Iterable[ValidationError] | None:
        _STEPS.get().take(own_count + _member_count(value) + _member_count(instance))
        return keyword(validator, value, instance, schema)

    return count


def _member_count(value: Any) -> int:
    return len(value) if isinstance(value, dict | list) else 0


_OURS: dict[str, Keyword] = {
    "additionalProperties": _additional,
    "pattern": _passed_over,
    "patternProperties": _passed_over,
    "required": _required,
    "unevaluatedItems": _passed_over,
    "unevaluatedProperties": _passed_over,
    "uniqueItems": _unique,
}
_Validator: Any = extend(
    Draft202012Validator,
    {
        name: _counted(name, keyword)
        for name, keyword in {**Draft202012Validator.VALIDATORS, **_OURS}.items()
    },
)

_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}
_WORDS: dict[str, Callable[[Any], str]] = {
    "type": lambda wanted: f"must be {_types(wanted)}",
    "enum": lambda wanted: f"must be one of {', '.join(map(_shown, wanted))}",
    "const": lambda wanted: f"must be {_shown(wanted)}",
    "minimum": lambda wanted: f"must be at least {wanted}",
    "maximum": lambda wanted: f"must be at most {wanted}",
    "exclusiveMinimum": lambda wanted: f"must be greater than {wanted}",
    "exclusiveMaximum": lambda wanted: f"must be less than {wanted}",
    "multipleOf": lambda wanted: f"must be a multiple of {wanted}",
    "minLength": lambda wanted: f"must have at least {wanted} characters",
    "maxLength": lambda wanted: f"must have at most {wanted} characters",
    "minItems": lambda wanted: f"must have at least {wanted} elements",
    "maxItems": lambda wanted: f"must have at most {wanted} elements",
    "minProperties": lambda wanted: f"must have at least {wanted} members",
    "maxProperties": lambda wanted: f"must have at most {wanted} members",
}


def _told(error: ValidationError) -> SchemaProblem:
    # Of alternatives that all fail, the one that was most likely meant.
    meant = best_match([error]) or error
    words = _WORDS.get(str(meant.validator))
    message = meant.message
    if words is not None:
        message = f"{words(meant.validator_value)}, not {_shown(meant.instance)}"
    elif meant.validator is None:
        message = "is not allowed"
    return SchemaProblem(_path(meant.absolute_path), _cut(message))


def _types(wanted: str | Sequence[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else wanted
    return " or ".join(_TYPES.get(name, name) for name in names)


def _path(parts: Iterable[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return _cut(text.removeprefix("."))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_LENGTH_MAX else f"{text[:_SHOWN_LENGTH_MAX]}…"


def _cut(text: str) -> str:
    return text if len(text) <= _MESSAGE_LENGTH_MAX else f"{text[:_MESSAGE_LENGTH_MAX]}…"
