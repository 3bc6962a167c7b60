"""A pipeline for each test."""

from collections.abc import AsyncIterator

import aio_pika
import pytest

from tests.integration.runtime.pipeline import Pipeline
from weir.postgres.pool import open_pool
from weir.testing.addresses import Broker


@pytest.fixture
async def pipeline(broker: Broker, migrated_database_url: str) -> AsyncIterator[Pipeline]:
    connection = await aio_pika.connect(broker.amqp_url)
    async with connection, open_pool(migrated_database_url) as pool:
        channel = await connection.channel()
        pipeline = Pipeline(broker, migrated_database_url, pool, channel)
        await pipeline.declare("measurements.0")
        yield pipeline
