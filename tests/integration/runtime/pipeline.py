"""A stream with a writer on it: real broker, real database, our own runtime between them."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aio_pika
import asyncpg

from consumers.measurements import Measurements
from weir.bootstrap import make_ports
from weir.clock import SystemClock, to_us
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.config import Settings
from weir.consumer import Ports, StreamConsumer
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.claims import open_claims
from weir.postgres.pool import open_pool
from weir.rabbitmq.stream_ends import end_offset, first_offset
from weir.rabbitmq.stream_reader import open_stream
from weir.runtime.partition_share import PartitionShare
from weir.runtime.partition_worker import PartitionSource, PartitionWorker
from weir.testing.addresses import Broker
from weir.testing.running import running

START_US = to_us(SystemClock().now()) - 3_600_000_000


def body(sequence: int, values: Sequence[float], *, field_name: str = "pressure") -> bytes:
    """Encode a batch whose readings are 1 ms apart and unique to `sequence`."""
    first_us = START_US + sequence * 1_000_000
    times = [first_us + 1_000 * index for index in range(len(values))]
    header = BatchHeader(boot_id=1, sequence=sequence)
    return encode_measurements(header, [FieldReadings(field_name, times, values)])


@dataclass
class Pipeline:
    """One virtual host with streams, one database, and workers as asked for."""

    broker: Broker
    database_url: str
    pool: asyncpg.Pool
    channel: aio_pika.abc.AbstractChannel
    streams: list[str] = field(default_factory=list)

    async def declare(self, *streams: str) -> None:
        for stream in streams:
            await self.channel.declare_queue(
                stream, durable=True, arguments={"x-queue-type": "stream"}
            )
            self.streams.append(stream)

    async def publish(
        self, stream: str, content: bytes, serial: str = "pump-1", kind: str = "measurements"
    ) -> None:
        """Publish straight into a stream; the routing key is the device's."""
        exchange = await self.channel.declare_exchange("iot", "topic", durable=True)
        queue = await self.channel.get_queue(stream)
        key = f"sensor.{serial}.{kind}"
        await queue.bind(exchange, key)
        await exchange.publish(aio_pika.Message(content, delivery_mode=2), key)
        await queue.unbind(exchange, key)

    async def next_offset(self, stream: str, consumer: str = "measurements") -> int:
        return await PostgresCheckpointStore(self.pool).next_offset(consumer, stream)

    async def count(self, table: str = "reading") -> int:
        return int(await self.pool.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608

    @asynccontextmanager
    async def worker(
        self, kind: Callable[[Ports], StreamConsumer[Any]] = Measurements
    ) -> AsyncIterator[StreamConsumer[Any]]:
        """Run one worker over all streams, with a pool of its own as a process would have."""
        async with open_pool(self.database_url) as pool:
            consumer = kind(make_ports(Settings(), pool))
            source = PartitionSource(
                partial(open_stream, self.broker.stream_url),
                partial(end_offset, self.broker.stream_url),
                partial(first_offset, self.broker.stream_url),
                PostgresCheckpointStore(pool),
                SystemClock(),
            )
            claims = partial(open_claims, self.database_url, consumer.name)

            async def project(stream: str) -> None:
                await PartitionWorker(consumer, stream, source).run()

            async with running(PartitionShare(self.streams, claims, project).run()):
                yield consumer
