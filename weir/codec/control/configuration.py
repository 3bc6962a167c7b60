"""Between configurations for devices and their bytes."""

from typing import Annotated, Any

from pydantic import Field

from weir.codec.documents import DocumentBounds, document_text
from weir.codec.json_forms.form import Form, parse_body, take_form
from weir.codec.json_text import compact_json
from weir.model.configuration import ConfigurationMessage
from weir.model.limits import (
    CONFIGURATION_BYTES_MAX,
    CONFIGURATION_HASH_LENGTH_MAX,
    DOCUMENT_DEPTH_MAX,
    INTEGER_MAGNITUDE_MAX,
)

CONFIGURATION_BOUNDS = DocumentBounds(CONFIGURATION_BYTES_MAX, DOCUMENT_DEPTH_MAX)

Hash = Annotated[
    str,
    Field(
        max_length=CONFIGURATION_HASH_LENGTH_MAX,
        description="`sha256:` and the SHA-256, in hexadecimal, of the document as UTF-8 JSON "
        "without spaces and with sorted keys.",
    ),
]


class Configuration(Form):
    """How a device is to be set."""

    version: int = Field(
        ge=1,
        le=INTEGER_MAGNITUDE_MAX,
        description="Ascends; a device passes over what is older than what it runs.",
    )
    hash: Hash
    document: dict[str, Any] = Field(
        description="Fits the schema that the device declares; at most 64 KiB and 16 levels."
    )


def encode_configuration(message: ConfigurationMessage) -> bytes:
    """Encode a configuration for its device."""
    return compact_json(
        {"version": message.version, "hash": message.hash, "document": message.document}
    ).encode()


def decode_configuration(body: bytes) -> ConfigurationMessage:
    """Decode a configuration that a device was sent.

    Raises:
        DecodeError: not a configuration.
        OversizeError: too many bytes.
        ImplausibleReadingError: a number that cannot be, or U+0000.
    """
    form = take_form(Configuration, parse_body(body))
    document_text("document", form.document, CONFIGURATION_BOUNDS)
    return ConfigurationMessage(form.version, form.hash, form.document)
