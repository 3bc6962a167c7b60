"""Publish messages to the exchange that devices publish to, each confirmed by the broker."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange
from aio_pika.exceptions import DeliveryError, PublishError

from weir.errors import BrokerUnavailableError, ConfigError, QueueFullError, WeirError
from weir.model.names import EXCHANGE
from weir.ports import OutgoingMessage
from weir.rabbitmq.connection import REQUEST_TIMEOUT_S, open_channel, open_connection, translated
from weir.tracing import TRACEPARENT, trace_of


class RabbitmqPublisher:
    """Publishes from one connection; made by `open_publisher`.

    Connects when it is first used, and again when the connection was lost.
    """

    def __init__(self, url: str | None, purpose: str) -> None:
        self._url = url
        self._purpose = purpose
        self._opening = asyncio.Lock()
        self._held = AsyncExitStack()
        self._channel: AbstractChannel | None = None

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[WeirError | None]:
        """Publish in this order, body byte for byte, persistent; wait for every confirm.

        Gives what went wrong with each, None where it was confirmed. What is not confirmed may have
        been published all the same.

        Raises:
            BrokerUnavailableError: nothing was published; try again later.
            ConfigError: no broker is known, or it refuses access.
        """
        exchange = await (await self._open()).get_exchange(EXCHANGE, ensure=False)
        # A channel writes what its publishers give it in the order in which they were started.
        return await asyncio.gather(*(_publish(exchange, message) for message in messages))

    async def close(self) -> None:
        """Close the connection, if there is one."""
        self._channel = None
        await self._held.aclose()

    async def _open(self) -> AbstractChannel:
        async with self._opening:
            if self._channel is not None and not self._channel.is_closed:
                return self._channel
            if self._url is None:
                raise ConfigError("WEIR_AMQP_URL is not set, so that nothing can be published")
            await self.close()
            async with AsyncExitStack() as opened:
                connection = await opened.enter_async_context(
                    open_connection(self._url, self._purpose)
                )
                self._channel = await opened.enter_async_context(
                    open_channel(connection, on_return_raises=True)
                )
                self._held = opened.pop_all()
            return self._channel


@asynccontextmanager
async def open_publisher(url: str | None, purpose: str) -> AsyncIterator[RabbitmqPublisher]:
    """Give a publisher until the block ends; without a URL it says so when it is used.

    `purpose` names its connection in the management UI.
    """
    publisher = RabbitmqPublisher(url, purpose)
    try:
        yield publisher
    finally:
        await publisher.close()


async def _publish(exchange: AbstractExchange, message: OutgoingMessage) -> WeirError | None:
    try:
        with translated():
            await exchange.publish(
                aio_pika.Message(
                    message.body,
                    headers=_headers(message),
                    correlation_id=message.correlation_id,
                    content_type=message.content_type,
                    message_id=message.message_id,
                    expiration=message.expires_in_s,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                ),
                message.routing_key,
                mandatory=True,
                timeout=REQUEST_TIMEOUT_S,
            )
    except (BrokerUnavailableError, ConfigError) as error:
        return _explained(error, message)
    return None


def _headers(message: OutgoingMessage) -> dict[str, Any]:
    if message.correlation_id is None or TRACEPARENT in message.headers:
        return dict(message.headers)
    return {**message.headers, TRACEPARENT: trace_of(message.correlation_id).traceparent}


def _explained(
    error: BrokerUnavailableError | ConfigError, message: OutgoingMessage
) -> BrokerUnavailableError | ConfigError:
    match error.__cause__:
        case PublishError():
            return BrokerUnavailableError(f"RabbitMQ: nothing takes {message.routing_key!r}")
        case DeliveryError():
            return QueueFullError(f"RabbitMQ: what takes {message.routing_key!r} is full")
        case _:
            return error
