"""Dead letters behind a gateway that can replay them: real broker, real database."""

from collections.abc import AsyncIterator

import aio_pika
import httpx
import pytest

from gateway.context import Context
from tests.integration.dead_letters.post_office import PostOffice, ask_gateway
from tests.integration.runtime.pipeline import Pipeline
from weir.clock import SystemClock
from weir.model.names import EXCHANGE, partition_streams
from weir.postgres.pool import open_pool
from weir.rabbitmq.republisher import open_republisher
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker

TOKEN = "a-token-for-tests"  # noqa: S105 - of no gateway but these


@pytest.fixture
async def pipeline(broker: Broker, migrated_database_url: str) -> AsyncIterator[Pipeline]:
    await apply_topology(broker.amqp_url, 1)
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, open_pool(migrated_database_url) as pool:
        channel = await connection.channel()
        streams = list(partition_streams(1))
        yield Pipeline(broker, migrated_database_url, pool, channel, streams)


@pytest.fixture
async def post_office(pipeline: Pipeline) -> PostOffice:
    queue = await pipeline.channel.declare_queue(exclusive=True)
    await queue.bind(EXCHANGE, "sensor.#")
    return PostOffice(pipeline.pool, queue)


@pytest.fixture
async def client(pipeline: Pipeline) -> AsyncIterator[httpx.AsyncClient]:
    async with open_republisher(pipeline.broker.amqp_url) as republisher:
        context = Context(pipeline.pool, SystemClock(), TOKEN, republisher)
        async with ask_gateway(context) as client:
            yield client
