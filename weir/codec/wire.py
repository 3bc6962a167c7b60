"""What every decoder shares: size first, then protobuf, then who it claims to be from."""

import re
from functools import lru_cache
from typing import TypeVar

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from weir.errors import DecodeError, ImplausibleReadingError, OversizeError
from weir.model.limits import FIELD_NAME_PATTERN, MESSAGE_BYTES_MAX, UNIT_LENGTH_MAX

M = TypeVar("M", bound=Message)

#: A tick of 0 on the wire is a millisecond.
TICK_US_DEFAULT = 1_000

_FIELD_NAME = re.compile(FIELD_NAME_PATTERN)
#: An installation has few pairs of name and unit, and sees each a million times.
_FIELD_CACHE_COUNT = 4_096


def parse(message_type: type[M], body: bytes) -> M:
    """Parse one protobuf message.

    Raises:
        OversizeError: more than `MESSAGE_BYTES_MAX` bytes.
        DecodeError: the bytes are not such a message.
    """
    if len(body) > MESSAGE_BYTES_MAX:
        raise OversizeError(f"{len(body)} bytes, at most {MESSAGE_BYTES_MAX} are allowed")
    try:
        return message_type.FromString(body)
    except ProtobufDecodeError as error:
        name = message_type.DESCRIPTOR.full_name
        raise DecodeError(f"not a {name}: {error}") from error


def check_count(what: str, count: int, count_max: int) -> None:
    """Let a list pass that has something in it, and not too much.

    Raises:
        DecodeError: the list is empty.
        OversizeError: it has more than `count_max` elements.
    """
    if count == 0:
        raise DecodeError(f"no {what}")
    if count > count_max:
        raise OversizeError(f"{count} {what}, at most {count_max} are allowed")


def check_length(what: str, text: str, length_max: int) -> str:
    """Give back a text that fits and that PostgreSQL can store.

    Raises:
        OversizeError: it has more than `length_max` characters.
        ImplausibleReadingError: it contains U+0000.
    """
    if len(text) > length_max:
        raise OversizeError(f"{what}: {len(text)} characters, at most {length_max} are allowed")
    if "\0" in text:
        raise ImplausibleReadingError(f"{what}: contains U+0000")
    return text


@lru_cache(_FIELD_CACHE_COUNT)
def check_field(name: str, unit: str) -> None:
    """Let a field's name and unit pass.

    Raises:
        ImplausibleReadingError: the name is empty, too long or has odd characters.
        OversizeError: the unit is too long.
    """
    if _FIELD_NAME.fullmatch(name) is None:
        raise ImplausibleReadingError(
            f"not a field name: {name[:80]!r} (1 to 200 letters, digits and _ - . / : [ ])"
        )
    if unit:
        check_length(f"unit of {name}", unit, UNIT_LENGTH_MAX)
