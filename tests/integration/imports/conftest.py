"""The whole topology, a database with two devices, and a gateway that may publish."""

from collections.abc import AsyncIterator

import aio_pika
import httpx
import pytest

from gateway.context import Context
from tests.integration.dead_letters.post_office import ask_gateway
from tests.integration.runtime.pipeline import Pipeline
from weir.clock import SystemClock
from weir.model.names import partition_streams
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
        await pool.execute(
            """
            INSERT INTO device (serial, site_id)
            SELECT serial, site_id FROM site, unnest(ARRAY['pump-1', 'pump-2']) AS serial
            """
        )
        channel = await connection.channel()
        yield Pipeline(broker, migrated_database_url, pool, channel, list(partition_streams(1)))


@pytest.fixture
async def client(pipeline: Pipeline) -> AsyncIterator[httpx.AsyncClient]:
    async with open_republisher(pipeline.broker.amqp_url) as republisher:
        context = Context(pipeline.pool, SystemClock(), TOKEN, republisher)
        async with ask_gateway(context) as client:
            yield client
