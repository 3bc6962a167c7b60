"""A pipeline or a queue with its worker for each test."""

from collections.abc import AsyncIterator

import aio_pika
import pytest

from tests.integration.runtime.pipeline import Pipeline
from tests.integration.runtime.queue_line import QueueLine
from weir.model.names import partition_streams
from weir.postgres.pool import open_pool
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker


@pytest.fixture
async def pipeline(broker: Broker, migrated_database_url: str) -> AsyncIterator[Pipeline]:
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, open_pool(migrated_database_url) as pool:
        channel = await connection.channel()
        pipeline = Pipeline(broker, migrated_database_url, pool, channel)
        await pipeline.declare(*partition_streams(1))
        yield pipeline


@pytest.fixture(params=["broker", pytest.param("newest_broker", marks=pytest.mark.newest)])
async def queue_line(
    request: pytest.FixtureRequest, migrated_database_url: str
) -> AsyncIterator[QueueLine]:
    broker: Broker = request.getfixturevalue(request.param)
    await apply_topology(broker.amqp_url, 1)
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, open_pool(migrated_database_url) as pool:
        yield QueueLine(broker, pool, await connection.channel())
