"""A queue worker on a real broker and a real database, with a handler that a test scripts."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

import aio_pika
import asyncpg
import httpx
from aio_pika.abc import AbstractChannel

from weir.bootstrap import make_ports
from weir.clock import SystemClock
from weir.config import Settings
from weir.consumer import Delivery, Ports, QueueConsumer
from weir.model.names import EXCHANGE, REGISTRY_QUEUE
from weir.rabbitmq.queue_reader import open_queues
from weir.rabbitmq.topology import apply_topology
from weir.runtime.queue_worker import QueueSource, QueueWorker
from weir.testing.addresses import Broker
from weir.testing.running import running

KEY = "sensor.pump-1.registry"

Handle = Callable[[Delivery], Awaitable[None]]


async def accept(_: Delivery) -> None:
    """Handle anything."""


class Scripted(QueueConsumer):
    """Remembers every delivery and then does what the test says."""

    name = "scripted"
    queues = (REGISTRY_QUEUE,)

    def __init__(self, ports: Ports, handle: Handle) -> None:
        super().__init__(ports)
        self._handle = handle
        self.seen: list[Delivery] = []

    @property
    def bodies(self) -> list[bytes]:
        return [delivery.body for delivery in self.seen]

    async def handle(self, delivery: Delivery) -> None:
        self.seen.append(delivery)
        await self._handle(delivery)


@dataclass
class QueueLine:
    """One virtual host, one database, and workers as asked for."""

    broker: Broker
    pool: asyncpg.Pool
    channel: AbstractChannel
    ports: Ports = field(init=False)

    def __post_init__(self) -> None:
        self.ports = make_ports(Settings(), self.pool)

    async def publish(self, *bodies: bytes, key: str = KEY) -> None:
        exchange = await self.channel.get_exchange(EXCHANGE, ensure=False)
        for body in bodies:
            await exchange.publish(aio_pika.Message(body, delivery_mode=2), key)

    @asynccontextmanager
    async def worker(self, handle: Handle = accept) -> AsyncIterator[Scripted]:
        consumer = Scripted(self.ports, handle)
        async with self.running(consumer):
            yield consumer

    @asynccontextmanager
    async def running(self, consumer: QueueConsumer) -> AsyncIterator[None]:
        async with running(QueueWorker(consumer, source(self.broker.amqp_url)).run()):
            yield

    async def waiting(self, queue_name: str = REGISTRY_QUEUE) -> int:
        """Count what the queue still has, handed out or not."""
        async with self._management() as client:
            answer = await client.get(f"/api/queues/{self.broker.vhost}/{quote(queue_name)}")
            return int(answer.raise_for_status().json().get("messages", -1))

    async def cut_connections(self) -> int:
        """Close what our workers have open, as an operator can; tells how many there were."""
        async with self._management() as client:
            answer = await client.get(f"/api/vhosts/{self.broker.vhost}/connections")
            names = [
                item["name"]
                for item in answer.raise_for_status().json()
                if "reads" in item.get("client_properties", {}).get("connection_name", "")
            ]
            for name in names:
                await client.delete(f"/api/connections/{quote(name)}")
            return len(names)

    async def letters(self) -> Sequence[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.pool.fetch(
            "SELECT * FROM dead_letter ORDER BY dead_letter_id"
        )
        return rows

    def _management(self) -> httpx.AsyncClient:
        url = httpx.URL(self.broker.management_url)
        login = (url.username, url.password)
        return httpx.AsyncClient(base_url=f"http://{url.host}:{url.port}", auth=login)


def source(amqp_url: str) -> QueueSource:
    """Read with the real reader, declaring everything before each connection."""
    clock = SystemClock()
    return QueueSource(
        prepare=partial(apply_topology, amqp_url, 1),
        open_queues=partial(open_queues, amqp_url, clock=clock),
        clock=clock,
    )
