"""A process that publishes over MQTT QoS 1 as fast as the broker acknowledges.

    python -m benchmarks.mqtt_load mqtt://user:password@host:port COUNT START_US [CLIENTS]

A client library would measure itself: packets are spelled here before the clock starts, and
acknowledgements are counted by their length. Source: OASIS "MQTT Version 3.1.1", sections 3.1
(CONNECT), 3.3 (PUBLISH) and 3.4 (PUBACK, 4 bytes).
"""

import asyncio
import json
import sys
import time
from functools import partial
from urllib.parse import unquote, urlsplit

from benchmarks.messages import batches

DEVICE_COUNT = 100
CLIENT_COUNT = 8
#: Packets on the way to the broker at one time, per client.
WINDOW = 200
PUBACK_BYTES = 4
CONNACK = b"\x20\x02"


class Client(asyncio.Protocol):
    """One connection that keeps `WINDOW` packets under way until all are acknowledged."""

    def __init__(self, connect: bytes, packets: list[bytes]) -> None:
        self.connected = asyncio.Event()
        self.done = asyncio.Event()
        self._connect = connect
        self._packets = packets
        self._sent = 0
        self._acknowledged_bytes = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce the client."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker
        self._transport = transport
        transport.write(self._connect)

    def data_received(self, data: bytes) -> None:
        """Count acknowledgements, and send as many packets more."""
        if not self.connected.is_set():
            if not data.startswith(CONNACK) or data[3]:
                raise ConnectionRefusedError(f"the broker refused the client: {data[:4]!r}")
            data = data[4:]
            self.connected.set()
        self._acknowledged_bytes += len(data)
        acknowledged = self._acknowledged_bytes // PUBACK_BYTES
        if acknowledged == len(self._packets):
            self.done.set()
        elif self._sent:
            self.send(acknowledged + WINDOW)

    def send(self, up_to: int) -> None:
        """Send the packets up to a number."""
        assert self._transport is not None  # noqa: S101 - set before anything is sent
        up_to = min(up_to, len(self._packets))
        if up_to > self._sent:
            self._transport.write(b"".join(self._packets[self._sent : up_to]))
            self._sent = up_to


def publish_packet(topic: str, body: bytes, packet_id: int) -> bytes:
    """Spell a PUBLISH with QoS 1; `packet_id`: 1 to 65 535."""
    name = topic.encode()
    rest = len(name).to_bytes(2, "big") + name + packet_id.to_bytes(2, "big") + body
    return b"\x32" + _length(len(rest)) + rest


def connect_packet(client_id: str, user: str, password: str) -> bytes:
    """Spell a CONNECT with user and password, a clean session and no keep-alive."""
    fields = [client_id.encode(), user.encode(), password.encode()]
    rest = b"\x00\x04MQTT\x04\xc2\x00\x00" + b"".join(
        len(field).to_bytes(2, "big") + field for field in fields
    )
    return b"\x10" + _length(len(rest)) + rest


def _length(count: int) -> bytes:
    """Spell a remaining length, section 2.2.3."""
    encoded = bytearray()
    while True:
        count, low = divmod(count, 128)
        encoded.append(low | (128 if count else 0))
        if not count:
            return bytes(encoded)


def _given(client: Client) -> Client:
    return client


async def _main(url: str, count: int, start_us: int, client_count: int) -> None:
    address = urlsplit(url)
    packets: list[list[bytes]] = [[] for _ in range(client_count)]
    messages = batches(count, reading_count=1, device_count=DEVICE_COUNT, start_us=start_us)
    for index, (serial, body) in enumerate(messages):
        # All messages of a device take the same connection, in order.
        own = packets[index % DEVICE_COUNT % client_count]
        own.append(publish_packet(f"sensor/{serial}/measurements", body, len(own) % 65_535 + 1))
    user, password = unquote(address.username or ""), unquote(address.password or "")
    clients = [
        Client(connect_packet(f"load-{index}", user, password), own)
        for index, own in enumerate(packets)
    ]
    loop = asyncio.get_running_loop()
    host, port = address.hostname or "localhost", address.port or 1883
    for client in clients:
        await loop.create_connection(partial(_given, client), host, port)
        await client.connected.wait()
    print("ready", flush=True)  # noqa: T201 - what the parent waits for
    await loop.run_in_executor(None, sys.stdin.readline)
    started = time.perf_counter()
    for client in clients:
        client.send(WINDOW)
    for client in clients:
        await client.done.wait()
    elapsed_s = time.perf_counter() - started
    print(json.dumps({"messages": count, "seconds": elapsed_s}), flush=True)  # noqa: T201


if __name__ == "__main__":
    _url, _count, _start_us, *_clients = sys.argv[1:]
    asyncio.run(
        _main(_url, int(_count), int(_start_us), int(_clients[0]) if _clients else CLIENT_COUNT)
    )
