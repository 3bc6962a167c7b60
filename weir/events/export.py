"""The JSON Schemas of events, one for each name, and of what surrounds them in the relay's stream.

Written to `schemas/json/events` by `make docs`.
"""

import json
from typing import Any

from pydantic import BaseModel

from weir.events.catalogue import catalogue
from weir.events.event import JournalRecord

#: Not the name of an event: what each message of the stream is.
ENVELOPE = "journal-record"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def exported_schemas() -> dict[str, str]:
    """Give the text of each schema by the name of its file."""
    schemas = {
        type_: {"title": f"{type_}, version {event_class.version}", **_schema_of(event_class)}
        for type_, event_class in sorted(catalogue().events.items())
    }
    schemas[ENVELOPE] = {"title": "journal.<entity>.<type>", **_schema_of(JournalRecord)}
    return {
        f"{name}.json": json.dumps({"$schema": _DIALECT, **schema}, indent=2) + "\n"
        for name, schema in schemas.items()
    }


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Leave out titles, which only repeat names."""
    schema: dict[str, Any] = model.model_json_schema()
    for part in (schema, *schema.get("$defs", {}).values()):
        part.pop("title")
        for described in part.get("properties", {}).values():
            described.pop("title", None)
    return schema
