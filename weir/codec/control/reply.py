"""Between replies to commands and their bytes."""

from typing import Any, Literal

from pydantic import Field

from weir.clock import from_us, iso
from weir.codec.documents import DocumentBounds, document_text
from weir.codec.json_forms.form import Envelope, parse_body, take_form
from weir.codec.json_forms.times import Time
from weir.codec.json_text import compact_json
from weir.codec.wire import check_length
from weir.model.command import Reply, ReplyStatus
from weir.model.limits import (
    COMMAND_ID_PATTERN,
    DOCUMENT_DEPTH_MAX,
    ERROR_LENGTH_MAX,
    RESULT_BYTES_MAX,
)
from weir.model.serial import check_same_serial

RESULT_BOUNDS = DocumentBounds(RESULT_BYTES_MAX, DOCUMENT_DEPTH_MAX)


class ReplyForm(Envelope):
    """How far a device has come with a command."""

    id: str = Field(pattern=f"^{COMMAND_ID_PATTERN}$", description="The command's.")
    status: Literal["received", "succeeded", "failed"] = Field(
        description="`received` may be left out; after `succeeded` and `failed` nothing follows."
    )
    result: dict[str, Any] = Field(
        default_factory=dict, description="What came of it; at most 16 KiB."
    )
    error: str = Field(
        default="", max_length=ERROR_LENGTH_MAX, description="Why it failed, for people."
    )
    time: Time | None = Field(default=None, description="By the device's own clock.")


def encode_reply(reply: Reply, *, boot_id: int = 0) -> bytes:
    """Encode a reply for its device's routing key."""
    document: dict[str, Any] = {"id": reply.command_id, "status": reply.status}
    if boot_id:
        document["boot_id"] = boot_id
    if reply.result:
        document["result"] = reply.result
    if reply.error:
        document["error"] = reply.error
    if reply.replied_at is not None:
        document["time"] = iso(reply.replied_at)
    return compact_json(document).encode()


def decode_reply(body: bytes, serial: str) -> Reply:
    """Decode a reply that arrived on the routing key of `serial`.

    Raises:
        DecodeError: not a reply.
        OversizeError: too many bytes or characters.
        WrongSerialError: it names another device.
        ImplausibleReadingError: an id or a number that cannot be, or U+0000.
    """
    form = take_form(ReplyForm, parse_body(body))
    check_same_serial(form.serial, serial)
    document_text("result", form.result, RESULT_BOUNDS)
    return Reply(
        form.id,
        ReplyStatus(form.status),
        form.result,
        check_length("error", form.error, ERROR_LENGTH_MAX),
        None if form.time is None else from_us(form.time),
    )
