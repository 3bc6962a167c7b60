"""Read quorum queues in order, one delivery at a time.

The broker counts how often it handed a message out in vain, and sets it aside when that is too
often. When a process dies, everything handed out to it comes back at once, so a message that kills
its reader would take innocent ones along. Therefore a reader starts with one message at a time, and
takes more only when it meets one that has never been handed out before.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from weir.clock import Clock
from weir.consumer import Delivery
from weir.errors import BrokerUnavailableError
from weir.rabbitmq.connection import REQUEST_TIMEOUT_S, open_channel, open_connection, translated
from weir.rabbitmq.headers import plain_headers

#: Messages handed out ahead: enough to hide the way to the broker, few enough to give back.
PREFETCH_COUNT = 64
#: How often a quorum queue has handed this message out in vain; absent the first time.
_COUNT_HEADER = "x-delivery-count"


class QueueReader:
    """The deliveries of some queues; made by `open_queues`."""

    def __init__(self, channel: AbstractChannel, queues: Sequence[str], clock: Clock) -> None:
        self._channel = channel
        self._queues = queues
        self._clock = clock
        #: The queue of each consumer tag, also of those that have been cancelled.
        self._queue_of: dict[str, str] = {}
        self._active_tags: list[str] = []
        self._arrived: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()
        self._current: AbstractIncomingMessage | None = None
        self._is_lost = False
        self._is_careful = True

    async def next(self) -> Delivery:
        """Wait for the next delivery; `ack` settles it before the next one is asked for.

        Raises:
            BrokerUnavailableError: the connection, the channel or a queue was lost.
        """
        message = None if self._is_lost else await self._arrived.get()
        if message is None or self._is_lost:
            raise _lost_error()
        self._current = message
        delivery = self._open(message)
        if self._is_careful and delivery.delivery_count == 1:
            self._is_careful = False
            await self._cancel()
            await self._consume(PREFETCH_COUNT)
        return delivery

    async def ack(self) -> None:
        """Acknowledge the delivery that `next` gave last.

        Raises:
            BrokerUnavailableError: the broker will hand it out again.
        """
        if self._current is None or self._is_lost:
            raise _lost_error()
        with translated():
            await self._current.ack()
        self._current = None

    async def start(self) -> None:
        """Begin to receive, with care.

        Raises:
            BrokerUnavailableError: a queue is not there, or the connection is lost.
        """
        self._channel.close_callbacks.add(self._lose)
        underlay = await self._channel.get_underlay_channel()
        # The broker ends a consumer, not its channel, when a queue is deleted or, from 4.3 on,
        # when a delivery was held for too long (`consumer_timeout`).
        underlay.on_consumer_cancel_callbacks.add(self._lose)
        await self._consume(prefetch_count=1)

    async def give_back(self) -> None:
        """Return what was handed out and not acknowledged: 4.3 does not count that, a loss it does.

        Raises:
            BrokerUnavailableError: it was lost, which returns everything as well.
        """
        if self._is_lost:
            return
        await self._cancel()
        unsettled = [self._current]
        while not self._arrived.empty():
            unsettled.append(self._arrived.get_nowait())
        with translated():
            for message in unsettled:
                if message is not None:
                    await message.nack(requeue=True)

    def _open(self, message: AbstractIncomingMessage) -> Delivery:
        returned_count = message.headers.get(_COUNT_HEADER)
        return Delivery(
            queue=self._queue_of.get(message.consumer_tag or "", ""),
            exchange=message.exchange or "",
            routing_key=message.routing_key or "",
            body=message.body,
            received_at=self._clock.now(),
            delivery_count=1 + (returned_count if isinstance(returned_count, int) else 0),
            headers=plain_headers(message.headers),
        )

    async def _consume(self, prefetch_count: int) -> None:
        with translated():
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await self._channel.set_qos(prefetch_count)
                for name in self._queues:
                    queue = await self._channel.get_queue(name, ensure=False)
                    tag = f"{name}.{prefetch_count}"
                    self._queue_of[tag] = name
                    self._active_tags.append(await queue.consume(self._take, consumer_tag=tag))

    async def _cancel(self) -> None:
        with translated():
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                channel = await self._channel.get_underlay_channel()
                while self._active_tags:
                    await channel.basic_cancel(self._active_tags.pop())

    async def _take(self, message: AbstractIncomingMessage) -> None:
        # aio-pika makes a task of each delivery; they start in order, and nothing here waits.
        self._arrived.put_nowait(message)

    def _lose(self, *_: object) -> None:
        self._is_lost = True
        self._arrived.put_nowait(None)


@asynccontextmanager
async def open_queues(url: str, queues: Sequence[str], clock: Clock) -> AsyncIterator[QueueReader]:
    """Read `queues` until the block ends; what is not acknowledged then is given back.

    Raises:
        BrokerUnavailableError: try again later.
        ConfigError: the broker refuses access.
    """
    async with (
        open_connection(url, f"reads {', '.join(queues)}") as connection,
        open_channel(connection) as channel,
    ):
        reader = QueueReader(channel, queues, clock)
        await reader.start()
        try:
            yield reader
        finally:
            with suppress(BrokerUnavailableError):
                await reader.give_back()


def _lost_error() -> BrokerUnavailableError:
    return BrokerUnavailableError("RabbitMQ: the connection was lost")
