"""JSON documents as people write them: YAML or JSON, and `limits.high=8` on a command line."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from weir.errors import ConfigError

#: What is not to be guessed: a text that looks like a date is a text.
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class Language(StrEnum):
    """How a document is written in a file."""

    YAML = "yaml"
    JSON = "json"


def write_document(document: object, language: Language) -> str:
    """Write a document for people to edit."""
    if language is Language.JSON:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    # It takes its time to import.
    import yaml

    if document == {}:
        return "{}\n"
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def read_document(text: str, language: Language) -> dict[str, Any]:
    """Read a document that a person has written; JSON is YAML too.

    Raises:
        ConfigError: it cannot be read, or is no object of what JSON knows.
    """
    document = _parse_json(text) if language is Language.JSON else _parse_yaml(text)
    if not isinstance(document, dict):
        raise ConfigError("it must be an object: `name: value`, a line for each")
    _check_names(document)
    try:
        json.dumps(document, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"JSON does not know such a value: {error}") from error
    return document


def parse_assignments(assignments: Sequence[str], removed: Sequence[str]) -> dict[str, Any]:
    r"""Make a merge patch of `limits.high=8` and of the paths that are to go.

    A value is JSON, and where it is not, a text. A dot or an equals sign in a name has a backslash
    before it.

    Raises:
        ConfigError: one is no assignment, or two contradict each other.
    """
    patch: dict[str, Any] = {}
    for assignment in assignments:
        names, value = _split(assignment)
        if value is None:
            raise ConfigError(f"{assignment!r}: it must be NAME=VALUE")
        _put(patch, names, _value(value), assignment)
    for path in removed:
        names, value = _split(path)
        if value is not None:
            raise ConfigError(f"{path!r}: only the name of what is to go, without a value")
        _put(patch, names, None, path)
    return patch


def _split(text: str) -> tuple[list[str], str | None]:
    names, name, position = [], "", 0
    while position < len(text):
        char = text[position]
        if char == "\\" and position + 1 < len(text):
            position += 1
            name += text[position]
        elif char == ".":
            names.append(name)
            name = ""
        elif char == "=":
            return [*names, name], text[position + 1 :]
        else:
            name += char
        position += 1
    return [*names, name], None


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except ValueError:
        return text
    if value is None:
        raise ConfigError("null would take it away: say --unset NAME")
    return value


def _put(patch: dict[str, Any], names: Sequence[str], value: Any, spelled: str) -> None:
    if not all(names):
        raise ConfigError(f"{spelled!r}: a name is empty; write \\. for a dot in a name")
    inner = patch
    for name in names[:-1]:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{spelled!r}: {name} is given a value as well")
    if names[-1] in inner:
        raise ConfigError(f"{spelled!r}: given twice")
    inner[names[-1]] = value


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigError(f"not JSON: {error}") from error


def _parse_yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads what JSON knows, and nothing else."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    try:
        return yaml.load(text, Loader)  # noqa: S506 - it is a safe one
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"not YAML: {error}") from error


def _check_names(value: object) -> None:
    if isinstance(value, dict):
        for name, member in value.items():
            if not isinstance(name, str):
                raise ConfigError(f"the name {name!r} must be in quotes: names are texts")
            _check_names(member)
    elif isinstance(value, list):
        for element in value:
            _check_names(element)
