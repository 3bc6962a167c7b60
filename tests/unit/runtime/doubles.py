"""A queue in memory and a consumer that does what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from weir.consumer import Delivery, Ports, QueueConsumer
from weir.errors import BrokerUnavailableError
from weir.runtime.dead_letter_limit import NO_BOUNDS, DeadLetterBounds
from weir.runtime.queue_worker import QueueSource
from weir.testing.clock import ManualClock

QUEUE = "work"
KEY = "sensor.pump-1.registry"

Handle = Callable[[Delivery], Awaitable[None]]


async def accept(_: Delivery) -> None:
    """Handle anything."""


class MemoryQueue:
    """Hands messages out in order; what is not acknowledged comes back at the next connection."""

    def __init__(self, *bodies: bytes) -> None:
        self.clock = ManualClock()
        self.waiting = [Delivery(QUEUE, "iot", KEY, body, self.clock.now()) for body in bodies]
        self.acknowledged: list[bytes] = []
        self.connection_count = 0
        self.refused_ack_count = 0
        self._changed = asyncio.Event()

    def source(self, bounds: DeadLetterBounds = NO_BOUNDS) -> QueueSource:
        return QueueSource(self._prepare, self._open, self.clock, bounds)

    async def next(self) -> Delivery:
        while not self.waiting:
            self._changed.clear()
            await self._changed.wait()
        return self.waiting[0]

    async def ack(self) -> None:
        if self.refused_ack_count:
            self.refused_ack_count -= 1
            raise BrokerUnavailableError("lost")
        self.acknowledged.append(self.waiting.pop(0).body)

    async def _prepare(self) -> None:
        self.connection_count += 1

    @asynccontextmanager
    async def _open(self, queues: Sequence[str]) -> AsyncIterator["MemoryQueue"]:
        assert (QUEUE,) == tuple(queues)
        yield self


class Scripted(QueueConsumer):
    """Remembers every attempt and then does what the test says."""

    name = "scripted"
    queues = (QUEUE,)

    def __init__(self, ports: Ports, handle: Handle = accept) -> None:
        super().__init__(ports)
        self._handle = handle
        self.attempts: list[bytes] = []

    async def handle(self, delivery: Delivery) -> None:
        self.attempts.append(delivery.body)
        await self._handle(delivery)
