"""Parameters of a command to a device, as `-p name=value` and as JSON."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import typer


def read_parameters(pairs: Sequence[str], document: str | None) -> dict[str, Any]:
    """Put together what was given: a JSON object (`-` reads it from stdin), and pairs over it.

    A value is JSON where it can be, and else a text: `50`, `true`, `open`, `[1, 2]`.

    Raises:
        BadParameter: a pair has no `=`, or the document is no JSON object.
    """
    parameters = {} if document is None else _read_document(document)
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"-p {pair[:80]!r} is not like name=value")
        parameters[name] = _value(text)
    return parameters


def _read_document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as error:
        raise typer.BadParameter(f"--json: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise typer.BadParameter('--json: not a JSON object, such as {"frequency_hz": 50}')
    return document


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(name: str) -> Any:
    # NaN is no JSON, whatever the library takes.
    raise ValueError(name)
