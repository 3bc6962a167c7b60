"""Spell what a broker sends to a reader of a stream.

Source: RabbitMQ, "Stream Protocol", section Deliver.
"""

import struct
import zlib
from collections.abc import Sequence


def deliver_frame(
    entries: Sequence[bytes],
    *,
    first_offset: int,
    timestamp_ms: int,
    kind: int = 0,
    checksum: int | None = None,
) -> bytearray:
    """Spell a chunk.

    `kind`: 0 for messages, others are the broker's own; `checksum`: None for the right one.
    """
    data, count = b"".join(entries), len(entries)
    crc = zlib.crc32(data) if checksum is None else checksum
    head = struct.pack(">bbHIqQQ", 0x50, kind, count, count, timestamp_ms, 1, first_offset)
    tail = struct.pack(">IIII", crc, len(data), 0, 0)
    return bytearray(b"\x00\x08\x00\x01\x00" + head + tail + data)


def entry(message: bytes) -> bytes:
    """Spell a message as an entry of its own."""
    return len(message).to_bytes(4) + message
