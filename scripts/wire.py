"""Renders the generated parts of the wire contract's page: bounds, keys, examples, sizes.

The page is written by hand around them: what stands between `<!-- generated: NAME -->` and
`<!-- end -->` is made anew, the rest stays.
"""

import json
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.message import Message

from scripts.reference import cell, table
from weir.codec.control.export import FORMS as CONTROL_FORMS
from weir.codec.control.export import control_schema_of
from weir.codec.json_forms.export import schema_of
from weir.model import limits
from weir.telemetry.v1 import event_pb2, log_pb2, measurement_pb2, registry_pb2

ROOT = Path(__file__).parent.parent
PAGE = "docs/reference/wire.md"
_EXAMPLES = ROOT / "schemas" / "json" / "telemetry" / "examples"
_CONTROL_EXAMPLES = ROOT / "schemas" / "json" / "control" / "examples"
_BLOCK = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)

MESSAGES: dict[str, type[Message]] = {
    "measurements": measurement_pb2.Batch,
    "events": event_pb2.EventBatch,
    "locations": event_pb2.LocationBatch,
    "registry": registry_pb2.Announcement,
    "logs": log_pb2.LogBatch,
}


def wire_page() -> str:
    """Give the page with its generated parts made anew."""
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    return _BLOCK.sub(lambda found: found[1] + _render(found[2]) + found[3], text)


def _render(block: str) -> str:
    what, _, argument = block.partition(" ")
    return "\n".join(["", *_RENDERERS[what](argument), "", ""])


def _bounds(_: str) -> Iterable[str]:
    times = f"{limits.OBSERVED_AT_MIN.date()} to {limits.FUTURE_MAX.days} day after its arrival"
    rows = [
        ("a message", _kib(limits.MESSAGE_BYTES_MAX)),
        ("readings in a message", _count(limits.READING_COUNT_MAX)),
        ("fields in a message or an announcement", _count(limits.FIELD_COUNT_MAX)),
        ("events in a message", _count(limits.EVENT_COUNT_MAX)),
        ("locations in a message", _count(limits.LOCATION_COUNT_MAX)),
        ("log lines in a message", _count(limits.LOG_ENTRY_COUNT_MAX)),
        ("time of a reading, event or location", times),
        ("name of a field", f"`{limits.FIELD_NAME_PATTERN}`"),
        ("unit", _characters(limits.UNIT_LENGTH_MAX)),
        ("a number", "finite; integers 2^53 in magnitude: larger ones are not rounded"),
        ("a text value", _characters(limits.TEXT_LENGTH_MAX)),
        ("period", f"{timedelta(microseconds=limits.PERIOD_US_MAX).days} days"),
        ("exponent of a decimal column", f"±{limits.DECIMAL_EXPONENT_MAX}"),
        ("sequence number", "2^53"),
        ("type of an event", f"`{limits.EVENT_TYPE_PATTERN}`"),
        ("data of an event, without spaces", _kib(limits.EVENT_DATA_BYTES_MAX)),
        ("levels in the data of an event", _count(limits.EVENT_DATA_DEPTH_MAX)),
        ("latitude", f"±{limits.LATITUDE_DEG_MAX:g}°"),
        ("longitude", f"±{limits.LONGITUDE_DEG_MAX:g}°"),
        ("heading", f"0° to below {limits.HEADING_DEG_END:g}°"),
        ("model", _characters(limits.MODEL_LENGTH_MAX)),
        ("firmware", _characters(limits.FIRMWARE_LENGTH_MAX)),
        ("description of a field", _characters(limits.DESCRIPTION_LENGTH_MAX)),
        ("commands in an announcement", _count(limits.COMMAND_COUNT_MAX)),
        ("name of a command", f"`{limits.COMMAND_NAME_PATTERN}`"),
        ("a schema in an announcement", _kib(limits.SCHEMA_BYTES_MAX)),
        ("levels in a schema", _count(limits.SCHEMA_DEPTH_MAX)),
        ("report interval", f"{limits.REPORT_INTERVAL_MS_MAX // 86_400_000} days"),
        ("id of a command", f"`{limits.COMMAND_ID_PATTERN}`"),
        ("parameters of a command, without spaces", _kib(limits.PARAMETERS_BYTES_MAX)),
        ("result of a command, without spaces", _kib(limits.RESULT_BYTES_MAX)),
        ("a configuration, without spaces", _kib(limits.CONFIGURATION_BYTES_MAX)),
        ("levels in them", _count(limits.DOCUMENT_DEPTH_MAX)),
        ("error in a reply or a state", _characters(limits.ERROR_LENGTH_MAX)),
        ("sample rate", f"{limits.SAMPLE_RATE_HZ_MAX / 1e6:g} MHz"),
        ("log message", _characters(limits.LOG_MESSAGE_LENGTH_MAX)),
        ("attributes of a log line", _count(limits.LOG_ATTRIBUTE_COUNT_MAX)),
        ("name of an attribute", _characters(limits.LOG_ATTRIBUTE_NAME_LENGTH_MAX)),
        ("value of an attribute", _characters(limits.LOG_ATTRIBUTE_VALUE_LENGTH_MAX)),
    ]
    return table(("what", "at most"), rows)


def _keys(argument: str) -> Iterable[str]:
    """Describe the keys of a JSON object: `measurements Column`, or `events` for the outermost."""
    kind, _, name = argument.partition(" ")
    schema = control_schema_of(kind) if kind in CONTROL_FORMS else schema_of(kind)
    described = schema["$defs"][name] if name else schema
    required = described.get("required", [])
    rows = [
        (
            f"`{key}`" + ("" if key in required else " (optional)"),
            _type(part),
            cell(_meaning(part, schema["$defs"])),
        )
        for key, part in described["properties"].items()
    ]
    return table(("key", "type", "meaning"), rows)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"{schema['$ref'].rpartition('/')[2]}"
    if "enum" in schema:
        return ", ".join(f"`{word}`" for word in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list of Value"
    if "anyOf" in schema:
        return next(_type(part) for part in schema["anyOf"] if part != {"type": "null"})
    if isinstance(schema.get("additionalProperties"), dict):
        return f"object of {_type(schema['additionalProperties'])}"
    type_ = str(schema["type"])
    return {"string": "text", "boolean": "true or false"}.get(type_, type_)


def _meaning(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    own = [schema, *schema.get("anyOf", [])]
    told = next((part["description"] for part in own if "description" in part), "")
    return told or definitions.get(_type(schema), {}).get("description", "")


def _example(name: str) -> Iterable[str]:
    written = (_EXAMPLES / f"{name}.json").read_text(encoding="utf-8").rstrip()
    twin = (_EXAMPLES / f"{name}.txtpb").read_text(encoding="utf-8").rstrip()
    return [
        "```json",
        written,
        "```",
        "",
        "The same in protobuf, in its text form:",
        "",
        "```textproto",
        twin,
        "```",
    ]


def _control(name: str) -> Iterable[str]:
    written = (_CONTROL_EXAMPLES / f"{name}.json").read_text(encoding="utf-8").rstrip()
    return ["```json", written, "```"]


def _sizes(_: str) -> Iterable[str]:
    rows = []
    for path in sorted(_EXAMPLES.glob("*.json")):
        compact = json.dumps(json.loads(path.read_bytes()), separators=(",", ":"))
        message = MESSAGES[path.stem.partition("-")[0]]()
        text_format.Parse(path.with_suffix(".txtpb").read_text(encoding="utf-8"), message)
        rows.append((path.stem, str(len(compact.encode())), str(message.ByteSize())))
    return table(("example", "bytes of JSON, without spaces", "bytes of protobuf"), rows)


_RENDERERS: dict[str, Callable[[str], Iterable[str]]] = {
    "bounds": _bounds,
    "keys": _keys,
    "example": _example,
    "control": _control,
    "sizes": _sizes,
}


def _kib(size_bytes: int) -> str:
    return f"{size_bytes // 1024} KiB"


def _characters(length: int) -> str:
    return f"{_count(length)} characters"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")
