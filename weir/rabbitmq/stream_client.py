"""rstream's client, except that chunks take a short way.

rstream makes a chunk into a dataclass, field by field, and hands it from task to task through two
queues: that costs as much as decoding ten readings, and a stream that is read as fast as it is
written has a few messages in a chunk. Here a chunk goes from the socket to its reader in one step,
and only what else the broker says is rstream's business.
"""

import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rstream import schema
from rstream.client import Client
from rstream.connection import Connection
from rstream.encoding import decode_frame
from rstream.utils import OnClosedErrorInfo

from weir.errors import BrokerUnavailableError

#: A response has the high bit set; a chunk is no response. Source: RabbitMQ, "Stream Protocol",
#: section Deliver.
_DELIVER = b"\x00\x08"
#: Key, version, subscription; then the chunk: magic and version, type, entries, records, time (ms),
#: epoch, first offset, checksum, lengths of data and trailer, reserved.
_HEADER = struct.Struct(">HHBbbHIqQQIIII")
_USER_CHUNK = 0
#: Such an entry holds several messages, possibly compressed.
_IS_SUB_BATCH = 0x80000000
_LENGTH_BYTES = 4


@dataclass(slots=True)
class Chunk:
    """Neighbouring messages of a stream, as stored; `messages[0]` has offset `first_offset`.

    `received_at_us`: the broker's time, microseconds since 1970-01-01 UTC (it counts in ms).
    """

    first_offset: int
    received_at_us: int
    messages: list[bytes]


class ChunkClient(Client):
    """Gives every chunk, still as bytes, to `take_frame`; everything else is as in rstream."""

    def __init__(self, *args: Any, take_frame: Callable[[bytearray], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._take_frame = take_frame

    async def start(self) -> None:
        """Connect, as rstream does, but over our kind of connection.

        Raises:
            OSError: there is nobody, or no answer in time.
        """
        connection = _ChunkConnection(self.host, self.port, self._ssl_context)
        connection.take_frame = self._take
        self._conn = connection
        await connection.open()
        self.start_task("listener", self._listener())
        self.add_handler(schema.Heartbeat, self._on_heartbeat)
        self.add_handler(schema.Close, self._on_close)

    async def send_frame(self, frame: schema.Frame, version: int = 1) -> None:
        """Send, or tell that the connection is lost."""
        try:
            await super().send_frame(frame, version)
        except RuntimeError as error:
            # uvloop's answer to a write after the connection was closed. rstream knows the one of
            # asyncio; of this one the task that sends heartbeats would die, with a traceback.
            self._is_not_closed = False
            if self._connection_closed_handler is not None:
                self._connection_closed_handler(OnClosedErrorInfo(str(error), self._streams))

    def _take(self, frame: bytearray) -> None:
        # Whoever sends chunks is alive, and sends no heartbeats.
        self._last_heartbeat = time.monotonic()
        self._take_frame(frame)


class _ChunkConnection(Connection):
    take_frame: Callable[[bytearray], None]

    async def read_frame(self) -> schema.Frame:
        while True:
            frame = await self._read_frame_raw()
            if frame[:2] != _DELIVER:
                return decode_frame(bytes(frame))
            self.take_frame(frame)


def open_frame(frame: bytearray) -> Chunk:
    """Take the messages out of a chunk.

    Raises:
        BrokerUnavailableError: it is damaged; the connection that brought it must be given up.
    """
    if len(frame) < _HEADER.size:
        raise BrokerUnavailableError(f"a chunk of {len(frame)} bytes arrived, it has no header")
    header = _HEADER.unpack_from(frame)
    _, _, _, _, kind, entry_count, _, timestamp_ms, _, first_offset, checksum, length, _, _ = header
    data = bytes(memoryview(frame)[_HEADER.size :])
    if kind != _USER_CHUNK or len(data) != length or zlib.crc32(data) != checksum:
        raise BrokerUnavailableError(f"the chunk at offset {first_offset} arrived damaged")
    messages = []
    position = 0
    for _ in range(entry_count):
        start = position + _LENGTH_BYTES
        size = int.from_bytes(data[position:start])
        if size & _IS_SUB_BATCH:
            return Chunk(first_offset, timestamp_ms * 1_000, _unpacked(frame))
        position = start + size
        messages.append(data[start:position])
    return Chunk(first_offset, timestamp_ms * 1_000, messages)


def _unpacked(frame: bytearray) -> list[bytes]:
    chunk = decode_frame(bytes(frame))
    assert isinstance(chunk, schema.Deliver)  # noqa: S101 - by its key
    try:
        return chunk.get_messages()
    except (TypeError, ValueError, OSError) as error:
        # Devices cannot write to streams, so only a program that bypasses the exchange sends such.
        raise BrokerUnavailableError(
            f"the chunk at offset {chunk.chunk_first_offset} is compressed in a way that cannot be "
            f"read: {error}"
        ) from error
