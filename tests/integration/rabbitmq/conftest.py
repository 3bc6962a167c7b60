"""Every test here runs on the installed broker and, where its address is given, on the newest."""

import pytest

from weir.testing.addresses import Broker


@pytest.fixture(params=["broker", pytest.param("newest_broker", marks=pytest.mark.newest)])
def any_broker(request: pytest.FixtureRequest) -> Broker:
    broker = request.getfixturevalue(request.param)
    assert isinstance(broker, Broker)
    return broker
