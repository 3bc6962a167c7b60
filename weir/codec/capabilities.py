"""What a device declares that it can do, in its announcement."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from weir.codec.documents import DocumentBounds, document_text
from weir.codec.json_text import compact_json, parse_json
from weir.codec.wire import check_length
from weir.errors import DecodeError, ImplausibleReadingError, OversizeError
from weir.model.capabilities import Capabilities, CommandDescription, Schema
from weir.model.limits import (
    COMMAND_COUNT_MAX,
    COMMAND_NAME_PATTERN,
    DESCRIPTION_LENGTH_MAX,
    REPORT_INTERVAL_MS_MAX,
    SCHEMA_BYTES_MAX,
    SCHEMA_DEPTH_MAX,
)
from weir.telemetry.v1 import registry_pb2 as wire

SCHEMA_BOUNDS = DocumentBounds(SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX)
#: Keywords by which a schema refers to another one (JSON Schema 2020-12, Core, section 8.2.3).
_REFERENCES = frozenset({"$ref", "$dynamicRef"})
_COMMAND_NAME = re.compile(COMMAND_NAME_PATTERN)


def capabilities_from(message: wire.Announcement) -> Capabilities:
    """Check what an announcement that is parsed declares beside its fields.

    Raises:
        DecodeError: a schema that is not a JSON object, or is nested too deeply.
        OversizeError: too many commands, or a text that is too long.
        ImplausibleReadingError: a name or an interval that cannot be, a command that is described
            twice, or a schema that refers to another document.
    """
    if len(message.commands) > COMMAND_COUNT_MAX:
        raise OversizeError(
            f"{len(message.commands)} commands, at most {COMMAND_COUNT_MAX} are allowed"
        )
    commands = tuple(_decode_command(command) for command in message.commands)
    if len({command.name for command in commands}) < len(commands):
        raise ImplausibleReadingError("a command is described twice")
    if message.report_interval_ms > REPORT_INTERVAL_MS_MAX:
        raise ImplausibleReadingError(f"a report interval of {message.report_interval_ms} ms")
    schema = message.configuration_schema
    return Capabilities(
        commands,
        tuple(field.name for field in message.fields if field.writable),
        _read_schema("configuration", schema) if schema else None,
        message.report_interval_ms,
    )


def commands_to_wire(commands: Iterable[CommandDescription]) -> Iterator[wire.CommandDescription]:
    """Give the descriptions as protobuf has them."""
    for command in commands:
        yield wire.CommandDescription(
            name=command.name,
            description=command.description,
            parameters_schema=schema_text(command.parameters_schema or None),
        )


def schema_text(schema: Schema | None) -> str:
    """Give the text of a schema; empty without one."""
    return "" if schema is None else compact_json(schema)


def _decode_command(command: wire.CommandDescription) -> CommandDescription:
    name = command.name
    if _COMMAND_NAME.fullmatch(name) is None:
        raise ImplausibleReadingError(
            f"not a command: {name[:80]!r} (a lower-case letter, then up to 62 of a-z, 0-9 and _)"
        )
    schema = command.parameters_schema
    return CommandDescription(
        name,
        check_length(f"description of {name}", command.description, DESCRIPTION_LENGTH_MAX),
        _read_schema(name, schema) if schema else {},
    )


def _read_schema(what: str, text: str) -> dict[str, Any]:
    if len(text.encode("utf-8")) > SCHEMA_BYTES_MAX:
        raise OversizeError(f"schema of {what}: over {SCHEMA_BYTES_MAX} bytes")
    schema = parse_json(text.encode("utf-8"))
    if not isinstance(schema, dict):
        raise DecodeError(f"schema of {what}: not a JSON object")
    document_text(f"schema of {what}", schema, SCHEMA_BOUNDS)
    for reference in _references(schema):
        if not (isinstance(reference, str) and reference.startswith("#")):
            raise ImplausibleReadingError(
                f"schema of {what}: refers to {str(reference)[:80]!r}, outside of itself"
            )
    return schema


def _references(part: Any) -> Iterator[Any]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in _REFERENCES:
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list):
        for element in part:
            yield from _references(element)
