"""A chunk of a stream is taken apart as it was put together, or given up as damaged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rstream import schema
from rstream.connection import Connection

from weir.errors import BrokerUnavailableError
from weir.rabbitmq.stream_client import ChunkClient, open_frame
from weir.testing.stream_frames import deliver_frame, entry

FIRST_OFFSET = 1_000
TIMESTAMP_MS = 1_795_248_000_123


def frame_of(*entries: bytes, kind: int = 0, checksum: int | None = None) -> bytearray:
    return deliver_frame(
        entries, first_offset=FIRST_OFFSET, timestamp_ms=TIMESTAMP_MS, kind=kind, checksum=checksum
    )


def sub_batch(messages: list[bytes]) -> bytes:
    """Spell an entry that holds several messages, not compressed."""
    records = b"".join(map(entry, messages))
    length = len(records).to_bytes(4)
    return b"\x80" + len(messages).to_bytes(2) + length + length + records


@given(st.lists(st.binary(max_size=300), max_size=50))
def test_every_message_comes_out_in_order(messages: list[bytes]) -> None:
    frame = frame_of(*map(entry, messages))
    chunk = open_frame(frame)
    assert messages == chunk.messages
    assert (FIRST_OFFSET, TIMESTAMP_MS * 1_000) == (chunk.first_offset, chunk.received_at_us)


def test_entries_that_hold_several_messages_are_unpacked() -> None:
    frame = frame_of(entry(b"a"), sub_batch([b"b", b"c"]), entry(b"d"))
    assert [b"a", b"b", b"c", b"d"] == open_frame(frame).messages


@pytest.mark.parametrize(
    "frame",
    [
        frame_of(entry(b"a"), checksum=1),
        frame_of(entry(b"a"))[:-1],
        frame_of(entry(b"a"), kind=1),
    ],
    ids=["checksum", "cut short", "no chunk of messages"],
)
def test_what_is_damaged_is_given_up(frame: bytearray) -> None:
    with pytest.raises(BrokerUnavailableError, match="at offset 1000 arrived damaged"):
        open_frame(frame)


def test_a_chunk_without_a_header_is_given_up() -> None:
    with pytest.raises(BrokerUnavailableError, match="has no header"):
        open_frame(frame_of()[:20])


class Closed(Connection):
    """Answers a write as uvloop does when it has closed the connection, and nobody knows yet."""

    async def write_frame(self, frame: schema.Frame, version: int = 1) -> None:
        raise RuntimeError(f"the handler is closed: {frame} {version}")


async def test_a_write_after_the_connection_was_closed_is_no_error_of_its_own() -> None:
    told: list[object] = []
    client = ChunkClient(
        "localhost",
        1,
        frame_max=1,
        heartbeat=1,
        connection_closed_handler=told.append,
        take_frame=print,
    )
    client._conn = Closed("localhost", 1)
    assert client.is_connection_alive()

    await client.send_frame(schema.Heartbeat())

    assert not client.is_connection_alive()
    assert 1 == len(told)
