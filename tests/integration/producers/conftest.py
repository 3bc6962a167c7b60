"""Devices with accounts of their own, on the installed broker and, where given, on the newest."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from weir.clock import SystemClock
from weir.codec.measurement import MeasurementBatch, decode_measurements
from weir.consumer import Delivery
from weir.model.names import partition_streams, serial_of
from weir.rabbitmq.access import delete_device_user, put_device_user
from weir.rabbitmq.amqp10 import split_message
from weir.rabbitmq.queue_reader import open_queues
from weir.rabbitmq.stream_reader import open_stream
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker

TIMEOUT_S = 30.0


@dataclass
class Site:
    """A virtual host with the topology, devices that may enter it, and eyes on what arrives."""

    broker: Broker
    credentials: dict[str, str] = field(default_factory=dict)

    @property
    def device_url(self) -> str:
        """Where devices connect with their own names."""
        return f"{self.broker.mqtt_device_url}/{self.broker.vhost}"

    async def admit(self, serials: Iterable[str]) -> None:
        for serial in serials:
            password = secrets.token_urlsafe()
            management_url = self.broker.management_url
            await put_device_user(management_url, self.broker.vhost, serial, password)
            self.credentials[serial] = password

    async def take(self, queue: str, count: int) -> list[Delivery]:
        """Take messages from a queue as a consumer would."""
        deliveries: list[Delivery] = []
        clock = SystemClock()
        async with (
            asyncio.timeout(TIMEOUT_S),
            open_queues(self.broker.amqp_url, [queue], clock) as reader,
        ):
            while len(deliveries) < count:
                deliveries.append(await reader.next())
                await reader.ack()
        return deliveries

    async def first_of(self, stream: str) -> tuple[str, bytes]:
        """Read routing key and body of the first message of a stream."""
        async with (
            asyncio.timeout(TIMEOUT_S),
            open_stream(self.broker.stream_url, stream, 0) as reader,
        ):
            chunk = await reader.next_chunk()
            return split_message(chunk.messages[0])

    @asynccontextmanager
    async def batches(self) -> AsyncIterator[AsyncIterator[MeasurementBatch]]:
        """Read the measurements of all devices from the beginning, for ever."""
        (stream,) = partition_streams(1)
        async with open_stream(self.broker.stream_url, stream, 0) as reader:

            async def decoded() -> AsyncIterator[MeasurementBatch]:
                while True:
                    chunk = await reader.next_chunk()
                    for raw in chunk.messages:
                        key, body = split_message(raw)
                        if not key.endswith(".measurements"):
                            continue
                        batch = decode_measurements(body, serial_of(key), chunk.received_at_us)
                        assert isinstance(batch, MeasurementBatch)
                        yield batch

            yield decoded()


@pytest.fixture(params=["broker", pytest.param("newest_broker", marks=pytest.mark.newest)])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    broker = request.getfixturevalue(request.param)
    assert isinstance(broker, Broker)
    await apply_topology(broker.amqp_url, 1)
    site = Site(broker)
    yield site
    for serial in site.credentials:
        await delete_device_user(broker.management_url, serial)
