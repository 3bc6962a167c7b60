"""AMQP headers as plain values: what JSON can say, so that they can be kept and shown; and back."""

import base64
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

#: What brokers write themselves, about one way through one queue.
_BROKERS_OWN = (
    "x-death",
    "x-first-death-",
    "x-last-death-",
    "x-delivery-count",
    "x-acquired-count",
    "x-stream-",
    "x-mqtt-",
    "x-opt-",
)
#: With these a sender routes a message to further keys, with its own rights and not with ours.
_SENDER_SELECTED = ("CC", "BCC")
_BASE64 = "base64"
#: Source: AMQP 0-9-1, section 4.2.5.3, short strings.
_NAME_BYTES_MAX = 255


def headers_again(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Give the headers with which a kept message is published again: those of its first sender.

    Instants stay the texts that they became; everything else is what it was.
    """
    return _table(
        {
            name: value
            for name, value in kept.items()
            if not name.startswith(_BROKERS_OWN) and name not in _SENDER_SELECTED
        }
    )


def plain_headers(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a header table into strings, numbers, booleans, lists and dictionaries."""
    return {str(name): _plain(value) for name, value in headers.items()}


def _plain(value: Any) -> Any:  # noqa: PLR0911 - one for each type
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            # JSON has no NaN and no infinity.
            return value if math.isfinite(value) else str(value)
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case bytes() | bytearray():
            return {_BASE64: base64.b64encode(value).decode()}
        case Mapping():
            return plain_headers(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return str(value)


def _amqp(value: Any) -> Any:
    match value:
        case {"base64": str(text), **others} if not others:
            return _bytes_of(text)
        case Mapping():
            return _table(value)
        case list():
            return [_amqp(item) for item in value]
        case _:
            return value


def _table(items: Mapping[str, Any]) -> dict[str, Any]:
    # A name can have grown while it was kept: characters that the store cannot have are replaced.
    return {
        name: _amqp(value) for name, value in items.items() if len(name.encode()) <= _NAME_BYTES_MAX
    }


def _bytes_of(text: str) -> Any:
    try:
        # How pamqp is told that it is not a text.
        return bytearray(base64.b64decode(text, validate=True))
    except ValueError:
        # The sender's own table happened to have such a key.
        return {_BASE64: text}
