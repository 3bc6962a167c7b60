"""A pipeline of real servers, a gateway process in front of it, and a device that sends."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from consumers.aggregates import Aggregates
from tests.integration.dead_letters.conftest import TOKEN, client, pipeline
from tests.integration.gateway.test_server import Gateway
from tests.integration.gateway_process import open_gateway
from tests.integration.runtime.pipeline import Pipeline, body
from weir.bootstrap import share_chores
from weir.model.names import device_key
from weir.ports import KeptMessage
from weir.rabbitmq.republisher import RabbitmqRepublisher, open_republisher
from weir.testing.running import running

__all__ = ["client", "pipeline"]

SERIAL = "pump-1"


@dataclass
class Device:
    """Publishes batches of one reading, each of a second of its own."""

    republisher: RabbitmqRepublisher

    async def send(self, sequences: Iterable[int]) -> None:
        messages = [
            KeptMessage(device_key(SERIAL, "measurements"), {}, body(number, [number % 7 - 2.5]))
            for number in sequences
        ]
        assert [None] * len(messages) == await self.republisher.publish(messages)


@pytest.fixture
async def device(pipeline: Pipeline) -> AsyncIterator[Device]:
    async with open_republisher(pipeline.broker.amqp_url) as republisher:
        yield Device(republisher)


@pytest.fixture
async def gateway(pipeline: Pipeline, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with open_gateway(pipeline, TOKEN, tmp_path) as gateway:
        yield gateway


@asynccontextmanager
async def projected(pipeline: Pipeline) -> AsyncIterator[None]:
    """Run the measurement writer and the aggregates consumer with its chores."""
    async with (
        pipeline.worker(),
        pipeline.worker(Aggregates) as aggregates,
        running(share_chores(aggregates, pipeline.database_url).run()),
    ):
        yield
