"""The least that an MQTT client takes for a broker: it acknowledges everything and keeps nothing.

Source: MQTT 3.1.1, sections 2.2 (fixed header), 3.2 (CONNACK), 3.4 (PUBACK), 3.9 (SUBACK) and 3.13
(PINGRESP).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_CONNACK = bytes([0x20, 2, 0, 0])
_PINGRESP = bytes([0xD0, 0])


class MqttSink:
    """Counts what it was sent; made by `open_sink`."""

    def __init__(self) -> None:
        self.port = 0
        self.message_count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it goes."""
        try:
            while True:
                (first,) = await reader.readexactly(1)
                body = await reader.readexactly(await _length(reader))
                writer.write(self._answer(first >> 4, first, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            writer.transport.abort()

    def _answer(self, kind: int, first: int, body: bytes) -> bytes:
        match kind:
            case 1:
                return _CONNACK
            case 3 if first & 0x06:
                self.message_count += 1
                at = 2 + int.from_bytes(body[:2])
                return bytes([0x40, 2]) + body[at : at + 2]
            case 8:
                topics = _count_topics(body)
                return bytes([0x90, 2 + topics]) + body[:2] + bytes([1] * topics)
            case 12:
                return _PINGRESP
        return b""


@asynccontextmanager
async def open_sink() -> AsyncIterator[MqttSink]:
    """Listen on a free port of this computer until the block ends."""
    sink = MqttSink()
    server = await asyncio.start_server(sink.serve, "127.0.0.1", 0)
    sink.port = server.sockets[0].getsockname()[1]
    async with server:
        yield sink


async def _length(reader: asyncio.StreamReader) -> int:
    length, shift = 0, 0
    while True:
        (byte,) = await reader.readexactly(1)
        length |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - section 2.2.3: the high bit says that more follows
            return length
        shift += 7


def _count_topics(body: bytes) -> int:
    at, count = 2, 0
    while at < len(body):
        at += 2 + int.from_bytes(body[at : at + 2]) + 1
        count += 1
    return count
