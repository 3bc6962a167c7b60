"""A short form of `make soak`: no slope, but a writer that falls behind is seen."""

import pytest

from benchmarks.servers import open_site
from benchmarks.soak import MEMORY_MB_MAX, soak
from weir.testing.addresses import BrokerAddress

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.rabbitmq,
    pytest.mark.postgres,
    pytest.mark.timeout(200),
]

MINUTES = 0.2
#: Tests may run beside others.
SHARE = 0.2
LAG_MS_MAX = 5_000


async def test_a_writer_keeps_up_and_stays_small(
    broker_address: BrokerAddress, postgres_url: str
) -> None:
    async with open_site(broker_address, postgres_url) as site:
        result = await soak(site, MINUTES, SHARE)

    assert result.samples[-1].lag_ms <= LAG_MS_MAX
    assert result.memory_mb_max <= MEMORY_MB_MAX
