"""One connection of one device to RabbitMQ over MQTT 3.1.1, with its errors as ours.

No automatic reconnecting here: whoever holds a connection knows what was not acknowledged.
"""

import asyncio
import logging
import math
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiomqtt

from weir.errors import BrokerUnavailableError, ConfigError
from weir.hosts import first_reached
from weir.mqtt.address import MqttAddress
from weir.mqtt.tls import TlsFiles, make_context
from weir.mqtt.tls_refusal import explain_refusal

CONNECT_TIMEOUT_S = 10.0
#: Closing is a courtesy: a broker that does not answer is left alone.
CLOSE_TIMEOUT_S = 2.0
#: A broker that says nothing for one and a half of these is gone.
KEEPALIVE_S = 20
#: Messages that wait to be taken by `receive`; the library drops what comes beyond. The broker has
#: been told that they arrived, so whoever has sent them sends again what is not answered.
RECEIVED_COUNT_MAX = 128
#: No limit of the library's own: who publishes bounds what is under way.
_UNLIMITED = 0
#: SUBACK's return code for what the broker does not allow: MQTT 3.1.1, section 3.9.3.
_SUBSCRIPTION_REFUSED = 0x80

#: Answers to CONNECT that no retry changes: client id, user or password, not authorised. They are
#: codes 2, 4 and 5 of MQTT 3.1.1, section 3.2.2.3, which the library gives as those of MQTT 5.
_REFUSALS = frozenset({0x85, 0x86, 0x87})


@dataclass(frozen=True, slots=True)
class MqttMessage:
    """What has arrived on a topic, or is to be published there."""

    topic: str
    body: bytes


class MqttConnection:
    """An open connection; made by `open_connection`."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def publish(self, topic: str, body: bytes) -> None:
        """Publish with QoS 1, and return when the broker has taken responsibility.

        Packets leave in the order of the calls. When the connection is lost in the meantime, this
        may wait for ever: cancel it once `watch` has raised.

        Raises:
            BrokerUnavailableError: the connection is lost.
        """
        with translated():
            await self._client.publish(topic, body, qos=1, timeout=math.inf)

    async def subscribe(self, *topic_filters: str) -> None:
        """Ask for what is published on these topics, with QoS 1; safe to repeat.

        The session keeps the subscriptions: from then on the broker also keeps what comes while
        the device is away. What has been kept arrives right after connecting, without this.

        Raises:
            BrokerUnavailableError: the connection is lost.
            ConfigError: the broker does not allow it (where it does not just hang up).
        """
        with translated():
            codes = await self._client.subscribe(
                [(topic, 1) for topic in topic_filters], timeout=CONNECT_TIMEOUT_S
            )
        granted = [code if isinstance(code, int) else code.value for code in codes]
        refused = [
            topic
            for topic, code in zip(topic_filters, granted, strict=True)
            if code >= _SUBSCRIPTION_REFUSED
        ]
        if refused:
            raise ConfigError(f"the broker refused to subscribe to {', '.join(refused)}")

    async def receive(self) -> AsyncGenerator[MqttMessage]:
        """Give what arrives, for ever. Take it at once: only `RECEIVED_COUNT_MAX` may wait.

        Raises:
            BrokerUnavailableError: the connection is lost.
        """
        with translated():
            async for message in self._client.messages:
                yield MqttMessage(message.topic.value, message.payload)

    async def watch(self) -> None:
        """Wait until the connection is lost, for those who receive nothing.

        Raises:
            BrokerUnavailableError: always, when it happens.
        """
        async for _ in self.receive():
            pass


@asynccontextmanager
async def open_connection(
    address: MqttAddress, *, will: MqttMessage | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[MqttConnection]:
    """Connect until the block ends.

    The session is kept by the broker: a clean one would throw away the commands that wait for the
    device under its client id.

    Args:
        address: the broker, and who we are there; its hosts are tried in turn.
        will: what the broker publishes for us when the connection breaks; not when the block ends.
        tls: for an address with TLS; without it the system's authorities are trusted.

    Raises:
        BrokerUnavailableError: nobody answers, the broker is just starting, or TLS does not come
            about: the message says why, and what to do.
        ConfigError: the broker refuses the user or the password.
    """

    async def enter(one: MqttAddress) -> MqttConnection:
        return await stack.enter_async_context(_open_one(one, will, tls))

    async with AsyncExitStack() as stack:
        yield await first_reached(address.each(), enter)


@asynccontextmanager
async def _open_one(
    address: MqttAddress, will: MqttMessage | None, tls: ssl.SSLContext | None
) -> AsyncIterator[MqttConnection]:
    loss = _Loss()
    client = aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        identifier=address.client_id,
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=False,
        keepalive=KEEPALIVE_S,
        timeout=CONNECT_TIMEOUT_S,
        max_inflight_messages=_UNLIMITED,
        max_queued_incoming_messages=RECEIVED_COUNT_MAX,
        will=None if will is None else aiomqtt.Will(will.topic, will.body, qos=1),
        tls_context=(tls or make_context(TlsFiles())) if address.is_tls else None,
        logger=loss.logger,
    )
    try:
        with translated(address):
            async with _entered(client, loss):
                client.timeout = CLOSE_TIMEOUT_S
                yield MqttConnection(client)
    finally:
        _forget_loss(client)


class _Loss:
    """Why a connection was lost: the library only logs it. `error`: the first reason."""

    def __init__(self) -> None:
        self.error: asyncio.Future[OSError] = asyncio.get_running_loop().create_future()
        # Of this connection alone; nothing of it is written anywhere.
        self.logger = logging.Logger(__name__, logging.ERROR)  # noqa: LOG001 - not to be kept
        self.logger.addFilter(self._note)

    def _note(self, record: logging.LogRecord) -> bool:
        for each in record.args if isinstance(record.args, tuple) else ():
            if isinstance(each, OSError):
                # The library connects in a thread of its own.
                self.error.get_loop().call_soon_threadsafe(self._set, each)
        return False

    def _set(self, error: OSError) -> None:
        if not self.error.done():
            self.error.set_result(error)


@asynccontextmanager
async def _entered(client: aiomqtt.Client, loss: _Loss) -> AsyncIterator[None]:
    """Enter the client, and give up as soon as the connection is lost: by itself it waits on.

    Over TLS 1.3 a broker says only then, and only there, that it refuses our certificate.
    """
    entering = asyncio.ensure_future(client.__aenter__())
    either: set[asyncio.Future[Any]] = {entering, loss.error}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not entering.done():
            raise aiomqtt.MqttError(str(loss.error.result())) from loss.error.result()
        await entering
    finally:
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
    async with AsyncExitStack() as leaving:
        leaving.push_async_exit(client.__aexit__)
        yield


def _forget_loss(client: aiomqtt.Client) -> None:
    """Keep asyncio from logging the loss of a connection that nobody was waiting on just then."""
    lost = client._disconnected  # noqa: SLF001 - the library has no other way to it
    if lost.done() and not lost.cancelled():
        lost.exception()


@contextmanager
def translated(address: MqttAddress | None = None) -> Iterator[None]:
    """Turn what aiomqtt raises into our errors.

    Raises:
        BrokerUnavailableError: try again later.
        ConfigError: the broker refused access.
    """
    try:
        yield
    except aiomqtt.exceptions.MqttConnectError as error:
        code = getattr(error.rc, "value", error.rc)
        if address is not None and code in _REFUSALS:
            raise ConfigError(
                f"{address.host}:{address.port} refused MQTT user {address.username!r}: {error}"
            ) from error
        raise BrokerUnavailableError(f"MQTT: {error}") from error
    except aiomqtt.MqttError as error:
        # The library hides the cause when it could not connect.
        cause = error.__cause__ or error.__context__
        if address is not None and isinstance(cause, ssl.SSLError):
            where = f"{address.host}:{address.port}"
            raise BrokerUnavailableError(f"MQTT at {where}: {explain_refusal(cause)}") from error
        raise BrokerUnavailableError(f"MQTT: {error}") from error
