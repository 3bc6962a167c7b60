"""Every test here runs on the installed broker and, where its address is given, on the newest."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.mqtt.proxy import Link, open_link
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker


@pytest.fixture(params=["broker", pytest.param("newest_broker", marks=pytest.mark.newest)])
async def any_broker(request: pytest.FixtureRequest) -> Broker:
    """Give a broker whose virtual host has the whole topology."""
    broker = request.getfixturevalue(request.param)
    assert isinstance(broker, Broker)
    await apply_topology(broker.amqp_url, 1)
    return broker


@pytest.fixture
async def link(any_broker: Broker) -> AsyncIterator[Link]:
    async with open_link(any_broker.mqtt_url) as link:
        yield link
