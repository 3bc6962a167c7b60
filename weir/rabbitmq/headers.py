"""AMQP headers as plain values: what JSON can say, so that they can be kept and shown."""

import base64
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any


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
            return {"base64": base64.b64encode(value).decode()}
        case Mapping():
            return plain_headers(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return str(value)
