"""The JSON forms as JSON Schemas, for device makers: `schemas/json/telemetry/`."""

import json
from typing import Any

from pydantic import TypeAdapter

from weir.codec.json_forms.announcement import Registry
from weir.codec.json_forms.events import Events
from weir.codec.json_forms.locations import Locations
from weir.codec.json_forms.logs import Logs
from weir.codec.json_forms.measurements import Columns, Readings, Snapshot
from weir.codec.json_forms.times import TIME_SCHEMA
from weir.codec.json_forms.values import VALUE_SCHEMA

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Said once in a schema instead of wherever they occur.
_SHARED = {"Time": TIME_SCHEMA, "Value": VALUE_SCHEMA}

#: What may be published as JSON, by kind.
FORMS: dict[str, Any] = {
    "measurements": Snapshot | Readings | Columns,
    "events": Events,
    "locations": Locations,
    "registry": Registry,
    "logs": Logs,
}


def schema_of(kind: str) -> dict[str, Any]:
    """Give the JSON Schema of what is published on `sensor/<serial>/<kind>/json`."""
    return schema_of_form(FORMS[kind], f"sensor/<serial>/{kind}/json")


def schema_of_form(form: Any, title: str) -> dict[str, Any]:
    """Give the JSON Schema of a form, or of a union of forms; its title is the topic."""
    generated: dict[str, Any] = TypeAdapter(form).json_schema()
    schema = _simplified(generated)
    definitions = schema.pop("$defs", {})
    text = json.dumps([schema, definitions])
    definitions |= {name: shared for name, shared in _SHARED.items() if f'/{name}"' in text}
    return {"$schema": _DIALECT, "title": title, **schema, "$defs": definitions}


def schema_text(schema: dict[str, Any]) -> str:
    """Write a schema as its file has it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def exported_schemas() -> dict[str, str]:
    """Give the text of each schema by the name of its file."""
    return {f"{kind}.json": schema_text(schema_of(kind)) for kind in FORMS}


def _simplified(schema: Any) -> Any:
    """Leave out titles, which only repeat names, and point to what is shared."""
    if isinstance(schema, list):
        return [_simplified(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    for name, shared in _SHARED.items():
        if shared.items() <= schema.items():
            own = {key: value for key, value in schema.items() if key not in {*shared, "title"}}
            return {"$ref": f"#/$defs/{name}", **own}
    # A property may be called `title` too; then its schema is no text.
    return {
        key: _simplified(part)
        for key, part in schema.items()
        if key != "title" or not isinstance(part, str)
    }
