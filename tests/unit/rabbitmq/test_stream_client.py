"""A chunk of a stream is taken apart as it was put together, or given up as damaged."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.errors import BrokerUnavailableError
from weir.rabbitmq.stream_client import open_frame

FIRST_OFFSET = 1_000
TIMESTAMP_MS = 1_795_248_000_123


def frame_of(data: bytes, entry_count: int, *, kind: int = 0, checksum: int | None = None) -> bytes:
    """Spell a Deliver frame; source: RabbitMQ, "Stream Protocol", section Deliver."""
    crc = zlib.crc32(data) if checksum is None else checksum
    return (
        b"\x00\x08\x00\x01\x00"
        + struct.pack(">bbHIqQQ", 0x50, kind, entry_count, 0, TIMESTAMP_MS, 1, FIRST_OFFSET)
        + struct.pack(">IIII", crc, len(data), 0, 0)
        + data
    )


def entry(message: bytes) -> bytes:
    return len(message).to_bytes(4) + message


def sub_batch(messages: list[bytes]) -> bytes:
    """Spell an entry that holds several messages, not compressed."""
    records = b"".join(map(entry, messages))
    length = len(records).to_bytes(4)
    return b"\x80" + len(messages).to_bytes(2) + length + length + records


@given(st.lists(st.binary(max_size=300), max_size=50))
def test_every_message_comes_out_in_order(messages: list[bytes]) -> None:
    frame = bytearray(frame_of(b"".join(map(entry, messages)), len(messages)))
    chunk = open_frame(frame)
    assert messages == chunk.messages
    assert (FIRST_OFFSET, TIMESTAMP_MS * 1_000) == (chunk.first_offset, chunk.received_at_us)


def test_entries_that_hold_several_messages_are_unpacked() -> None:
    data = entry(b"a") + sub_batch([b"b", b"c"]) + entry(b"d")
    assert [b"a", b"b", b"c", b"d"] == open_frame(bytearray(frame_of(data, 3))).messages


@pytest.mark.parametrize(
    "frame",
    [
        frame_of(entry(b"a"), 1, checksum=1),
        frame_of(entry(b"a"), 1)[:-1],
        frame_of(entry(b"a"), 1, kind=1),
    ],
    ids=["checksum", "cut short", "no chunk of messages"],
)
def test_what_is_damaged_is_given_up(frame: bytes) -> None:
    with pytest.raises(BrokerUnavailableError, match="at offset 1000 arrived damaged"):
        open_frame(bytearray(frame))


def test_a_chunk_without_a_header_is_given_up() -> None:
    with pytest.raises(BrokerUnavailableError, match="has no header"):
        open_frame(bytearray(frame_of(b"", 0)[:20]))
