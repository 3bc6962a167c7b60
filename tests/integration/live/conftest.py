"""Two partitions with a writer, for gateways that follow them."""

from collections.abc import AsyncIterator

import aio_pika
import pytest

from tests.integration.live.listening import LiveGateway, open_gateway
from tests.integration.runtime.pipeline import Pipeline
from weir.model.names import partition_streams
from weir.postgres.pool import open_pool
from weir.testing.addresses import Broker


@pytest.fixture
async def pipeline(broker: Broker, migrated_database_url: str) -> AsyncIterator[Pipeline]:
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, open_pool(migrated_database_url) as pool:
        pipeline = Pipeline(broker, migrated_database_url, pool, await connection.channel())
        await pipeline.declare(*partition_streams(2))
        await pool.execute(
            """
            INSERT INTO device (serial, site_id)
            SELECT serial, site_id FROM site, unnest(ARRAY['pump-1', 'pump-2']) AS serial
            """
        )
        yield pipeline


@pytest.fixture
async def gateway(pipeline: Pipeline) -> AsyncIterator[LiveGateway]:
    async with open_gateway(pipeline) as gateway:
        yield gateway
