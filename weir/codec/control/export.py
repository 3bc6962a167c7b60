"""The control messages as JSON Schemas, for device makers: `schemas/json/control/`."""

from typing import Any

from weir.codec.control.command import Command
from weir.codec.control.configuration import Configuration
from weir.codec.control.reply import ReplyForm
from weir.codec.control.state import State
from weir.codec.json_forms.export import schema_of_form, schema_text

#: What there is, with its topic.
FORMS: dict[str, tuple[Any, str]] = {
    "command": (Command, "sensor/<serial>/commands/<command>"),
    "reply": (ReplyForm, "sensor/<serial>/replies/<command>"),
    "configuration": (Configuration, "sensor/<serial>/config"),
    "state": (State, "sensor/<serial>/state"),
}


def control_schema_of(name: str) -> dict[str, Any]:
    """Give the JSON Schema of one kind of control message."""
    return schema_of_form(*FORMS[name])


def exported_control_schemas() -> dict[str, str]:
    """Give the text of each schema by the name of its file."""
    return {f"{name}.json": schema_text(control_schema_of(name)) for name in FORMS}
