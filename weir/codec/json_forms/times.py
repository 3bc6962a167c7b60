"""Times in JSON: ISO 8601 with an offset, or microseconds since 1970-01-01 UTC.

Source: RFC 3339, section 5.6, with at most nine digits of a second.
"""

import re
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from weir.clock import to_us
from weir.errors import DecodeError, ImplausibleReadingError
from weir.model.limits import INTEGER_MAGNITUDE_MAX, READING_COUNT_MAX

_PATTERN = (
    "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_ISO_8601 = re.compile(_PATTERN)

TIME_SCHEMA = {
    "description": "An instant: ISO 8601 with an offset, or microseconds since 1970-01-01 UTC.",
    "anyOf": [
        {"type": "string", "format": "date-time", "pattern": f"^{_PATTERN}$"},
        {"type": "integer", "minimum": -INTEGER_MAGNITUDE_MAX, "maximum": INTEGER_MAGNITUDE_MAX},
    ],
}


def read_time(value: object) -> int:
    """Give an instant as microseconds since 1970-01-01 UTC; further digits are cut off.

    Raises:
        DecodeError: not a time, or one without an offset.
        ImplausibleReadingError: an integer beyond 2^53.
    """
    # A truth value is an integer to Python.
    if type(value) is int:
        if abs(value) > INTEGER_MAGNITUDE_MAX:
            raise ImplausibleReadingError("a time beyond 2^53 us")
        return value
    if isinstance(value, str) and _ISO_8601.fullmatch(value) is not None:
        try:
            return to_us(datetime.fromisoformat(value))
        except ValueError as error:
            raise DecodeError(f"not a time: {value!r} ({error})") from error
    raise DecodeError(f"not a time: {str(value)[:40]!r} (ISO 8601 with Z, or whole microseconds)")


Time = Annotated[int, BeforeValidator(read_time), WithJsonSchema(TIME_SCHEMA)]
Times = Annotated[list[Time], Field(min_length=1, max_length=READING_COUNT_MAX)]
