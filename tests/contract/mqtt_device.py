"""A broker that knows MQTT 3.1.1 just enough to let a client in and tell it something.

Source: OASIS, "MQTT Version 3.1.1", sections 2.2 (packets) and 3 (CONNACK, PUBLISH, SUBACK).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

CONNECT, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 8, 12, 14
_SEVEN_BITS = 0x7F


@asynccontextmanager
async def mqtt_device(messages: Sequence[tuple[str, bytes]], port: int = 0) -> AsyncIterator[int]:
    """Publish messages to whoever subscribes to anything, on a port of loopback."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await _answer(reader, writer, messages):
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            for writer in writers:
                writer.close()
            await asyncio.gather(
                *(writer.wait_closed() for writer in writers), return_exceptions=True
            )


async def _answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    messages: Sequence[tuple[str, bytes]],
) -> bool:
    kind, content = await _packet(reader)
    if kind == CONNECT:
        writer.write(b"\x20\x02\x00\x00")
    elif kind == SUBSCRIBE:
        # One return code for each filter would be right; clients of ours count them.
        writer.write(b"\x90" + bytes([2 + _filter_count(content)]) + content[:2])
        writer.write(bytes(_filter_count(content)))
        for topic, body in messages:
            writer.write(_publication(topic, body))
    elif kind == PINGREQ:
        writer.write(b"\xd0\x00")
    return kind != DISCONNECT


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    (kind,) = await reader.readexactly(1)
    length = shift = 0
    while True:
        (digit,) = await reader.readexactly(1)
        length |= (digit & _SEVEN_BITS) << shift
        shift += 7
        if digit <= _SEVEN_BITS:
            return kind >> 4, await reader.readexactly(length)


def _filter_count(content: bytes) -> int:
    count, at = 0, 2
    while at < len(content):
        at += 2 + int.from_bytes(content[at : at + 2], "big") + 1
        count += 1
    return count


def _publication(topic: str, body: bytes) -> bytes:
    name = topic.encode()
    content = len(name).to_bytes(2, "big") + name + body
    length, left = bytearray(), len(content)
    while left > _SEVEN_BITS:
        length.append(left & _SEVEN_BITS | 0x80)
        left >>= 7
    return b"\x30" + bytes([*length, left]) + content
