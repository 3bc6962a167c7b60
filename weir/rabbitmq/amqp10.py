"""Take the routing key and the body out of a message as a stream stores it.

A stream keeps AMQP 1.0 sections. Each section before the data is skipped by its own length instead
of being decoded, which is what makes a Python reader keep up with the broker. Source: OASIS "AMQP
Version 1.0", part 1 section 1.6 (type encodings) and part 3 section 3.2 (message sections).
"""

from functools import lru_cache

from weir.errors import DecodeError

#: Descriptors of message sections, part 3 section 3.2: `00 53 <code>` introduces each.
_MESSAGE_ANNOTATIONS = 0x72
_DATA = 0x75
_VALUE_SECTIONS = (0x76, 0x77)
#: Behind a zero: a described value, whose descriptor is a small number.
_DESCRIPTOR = 0x53
_PREFIX_LENGTH = 3

#: Constructors, part 1 section 1.6.
_ONE_BYTE_SIZES = frozenset((0xA0, 0xA1, 0xA3, 0xC0, 0xC1))
_FOUR_BYTE_SIZES = frozenset((0xB0, 0xB1, 0xB3, 0xD0, 0xD1))
_SHORT_MAP = 0xC1
_FIXED_WIDTHS = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}
_STRINGS = (0xA1, 0xB1, 0xA3, 0xB3)

_ROUTING_KEY = b"x-routing-key"
#: How every broker that we know writes the annotation: first in its map, short strings.
_COMMON_KEY = b"\xa3\x0dx-routing-key\xa1"
_COMMON_OFFSET = 3
#: What a device's messages have in common is the same bytes each time; about 300 bytes remembered.
_ANNOTATIONS_CACHE_COUNT = 16_384


def split_message(raw: bytes) -> tuple[str, bytes]:
    """Give the routing key (empty when it has none) and the body of a stored message.

    Raises:
        DecodeError: not AMQP 1.0, or a body that is not binary data.
    """
    routing_key = ""
    body: bytes | None = None
    position, length = 0, len(raw)
    try:
        while position < length:
            if raw[position] or raw[position + 1] != _DESCRIPTOR:
                raise DecodeError("not an AMQP 1.0 message: no section where one must start")
            section = raw[position + 2]
            value_at = position + _PREFIX_LENGTH
            # As `_extent` has it, without a call: nearly every section is short.
            if raw[value_at] in _ONE_BYTE_SIZES:
                start = value_at + 2
                end = start + raw[value_at + 1]
            else:
                start, end = _extent(raw, value_at)
            if section == _DATA:
                body = raw[start:end] if body is None else body + raw[start:end]
            elif section == _MESSAGE_ANNOTATIONS:
                routing_key = _routing_key(raw[value_at:end])
            elif section in _VALUE_SECTIONS:
                raise DecodeError("the body is an AMQP 1.0 value, not binary data")
            position = end
    except IndexError as error:
        raise DecodeError("not an AMQP 1.0 message: it ends inside a section") from error
    if body is None or position > length:
        raise DecodeError("not an AMQP 1.0 message: no complete data section")
    return routing_key, body


def _extent(raw: bytes, position: int) -> tuple[int, int]:
    """Give where the content of the value at `position` starts and ends."""
    constructor = raw[position]
    if constructor in _ONE_BYTE_SIZES:
        start = position + 2
        return start, start + raw[position + 1]
    if constructor in _FOUR_BYTE_SIZES:
        start = position + 5
        return start, start + int.from_bytes(raw[position + 1 : start], "big")
    width = _FIXED_WIDTHS.get(constructor >> 4)
    if width is None:
        raise DecodeError(f"not an AMQP 1.0 value: constructor {constructor:#04x}")
    return position + 1, position + 1 + width


@lru_cache(_ANNOTATIONS_CACHE_COUNT)
def _routing_key(annotations: bytes) -> str:
    """Find the routing key in a map of annotations, which starts with its constructor."""
    # A fixed place, never a search: a client's own annotation could contain these bytes.
    key_at = _COMMON_OFFSET + len(_COMMON_KEY)
    is_short = annotations[0] == _SHORT_MAP
    if is_short and annotations[_COMMON_OFFSET:key_at] == _COMMON_KEY:
        key_end = key_at + 1 + annotations[key_at]
        if key_end <= len(annotations):
            return _text(annotations[key_at + 1 : key_end])
    # Behind the constructor come the map's size and count, in one byte each or in four.
    position = 3 if is_short else 9
    while position < len(annotations):
        name_start, name_end = _extent(annotations, position)
        value_start, value_end = _extent(annotations, name_end)
        if annotations[name_start:name_end] == _ROUTING_KEY and annotations[name_end] in _STRINGS:
            return _text(annotations[value_start:value_end])
        position = value_end
    return ""


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError("the routing key is not UTF-8") from error
