"""How a chaos publisher reaches the broker: MQTT QoS 1, or AMQP with confirms.

A lost connection fails everything that waits for an answer at once, and nothing is ever sent again
by the link itself: every attempt is in the account. A client library would do otherwise.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aio_pika
from aio_pika.abc import AbstractExchange
from aio_pika.exceptions import DeliveryError

from benchmarks.mqtt_load import CONNACK, connect_packet, publish_packet
from weir.errors import BrokerUnavailableError, ConfigError
from weir.model.names import EXCHANGE, device_key, device_topic
from weir.rabbitmq.connection import open_channel, open_connection, translated

#: An answer that takes longer counts as lost.
ANSWER_TIMEOUT_S = 10.0
_CONNECT_TIMEOUT_S = 5.0
_PUBACK = 0x40
_PACKET_ID_MAX = 65_535


class LostError(Exception):
    """No answer: the broker may have the message, or not."""


class Link(Protocol):
    """One connection to the broker."""

    async def send(self, serial: str, kind: str, body: bytes) -> None:
        """Publish; returns when the broker has acknowledged."""
        ...


@asynccontextmanager
async def open_link(url: str, name: str) -> AsyncIterator[Link]:
    """Connect by the protocol that `url` names.

    Raises:
        LostError: there is no connection, or there is none any more.
    """
    is_mqtt = url.startswith("mqtt")
    async with _open_mqtt(url, name) if is_mqtt else _open_amqp(url, name) as link:
        yield link


class _MqttLink:
    """MQTT 3.1.1, as far as publishing needs it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._last_id = 0
        self._is_lost = False

    async def send(self, serial: str, kind: str, body: bytes) -> None:
        if self._is_lost:
            raise LostError("the connection is lost")
        packet_id = self._last_id = self._last_id % _PACKET_ID_MAX + 1
        answer = self._waiting[packet_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                self._writer.write(publish_packet(device_topic(serial, kind), body, packet_id))
                await answer
        except TimeoutError as error:
            self.lose()
            raise LostError("no PUBACK in time") from error
        finally:
            self._waiting.pop(packet_id, None)

    async def listen(self) -> None:
        """Take acknowledgements until the connection ends."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                packet = await self._reader.readexactly(4)
                answer = self._waiting.get(int.from_bytes(packet[2:], "big"))
                if packet[0] == _PUBACK and answer is not None and not answer.done():
                    answer.set_result(None)
        self.lose()

    def lose(self) -> None:
        self._is_lost = True
        self._writer.transport.abort()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LostError("the connection was lost"))


@asynccontextmanager
async def _open_mqtt(url: str, name: str) -> AsyncIterator[Link]:
    address = urlsplit(url)
    user, password = unquote(address.username or ""), unquote(address.password or "")
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(connect_packet(name, user, password))
            answer = await reader.readexactly(4)
    except (OSError, asyncio.IncompleteReadError) as error:
        raise LostError(str(error)) from error
    link = _MqttLink(reader, writer)
    if not answer.startswith(CONNACK) or answer[3]:
        link.lose()
        raise LostError(f"the broker refused the client: {answer!r}")
    listening = asyncio.create_task(link.listen())
    try:
        yield link
    finally:
        listening.cancel()
        link.lose()


class _AmqpLink:
    """AMQP 0-9-1 with publisher confirms; headers make other AMQP 1.0 sections in the stream."""

    def __init__(self, exchange: AbstractExchange) -> None:
        self._exchange = exchange

    async def send(self, serial: str, kind: str, body: bytes) -> None:
        message = aio_pika.Message(
            body,
            delivery_mode=2,
            content_type="application/x-protobuf",
            message_id=serial,
            headers={"x-routing-key": "a trap", "attempt": len(body), "nested": {"a": [1, 2]}},
        )
        try:
            with translated():
                await self._exchange.publish(
                    message, device_key(serial, kind), timeout=ANSWER_TIMEOUT_S
                )
        except (BrokerUnavailableError, ConfigError, DeliveryError) as error:
            raise LostError(str(error)) from error


@asynccontextmanager
async def _open_amqp(url: str, name: str) -> AsyncIterator[Link]:
    try:
        async with open_connection(url, name) as connection, open_channel(connection) as channel:
            yield _AmqpLink(await channel.get_exchange(EXCHANGE, ensure=False))
    except (BrokerUnavailableError, ConfigError) as error:
        raise LostError(str(error)) from error
