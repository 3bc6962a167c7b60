"""Between commands and their bytes."""

from typing import Any

from pydantic import Field

from weir.clock import from_us, iso
from weir.codec.documents import DocumentBounds, document_text
from weir.codec.json_forms.form import Form, parse_body, take_form
from weir.codec.json_forms.times import Time
from weir.codec.json_text import compact_json
from weir.model.command import CommandMessage
from weir.model.limits import (
    COMMAND_ID_PATTERN,
    COMMAND_NAME_PATTERN,
    DOCUMENT_DEPTH_MAX,
    PARAMETERS_BYTES_MAX,
)

PARAMETERS_BOUNDS = DocumentBounds(PARAMETERS_BYTES_MAX, DOCUMENT_DEPTH_MAX)


class Command(Form):
    """Something that a device is asked to do."""

    id: str = Field(
        pattern=f"^{COMMAND_ID_PATTERN}$",
        description="The same when it is sent again: answered again then, not done again.",
    )
    command: str = Field(pattern=f"^{COMMAND_NAME_PATTERN}$", description="What is to be done.")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="How: fits the schema that the device declares; at most 16 KiB.",
    )
    requested_at: Time = Field(description="When somebody asked for it.")
    expires_at: Time = Field(description="From then on it must not be begun any more.")


def encode_command(message: CommandMessage) -> bytes:
    """Encode a command for its device."""
    return compact_json(
        {
            "id": message.command_id,
            "command": message.command,
            "parameters": message.parameters,
            "requested_at": iso(message.requested_at),
            "expires_at": iso(message.expires_at),
        }
    ).encode()


def decode_command(body: bytes) -> CommandMessage:
    """Decode a command that a device was sent.

    Raises:
        DecodeError: not a command.
        OversizeError: too many bytes.
        ImplausibleReadingError: an id, a name or a number that cannot be.
    """
    form = take_form(Command, parse_body(body))
    document_text("parameters", form.parameters, PARAMETERS_BOUNDS)
    return CommandMessage(
        form.id,
        form.command,
        form.parameters,
        from_us(form.requested_at),
        from_us(form.expires_at),
    )
