"""What the broker refuses after it has let a device in."""

import pytest

from tests.integration.producers.conftest import Site
from weir.errors import BrokerUnavailableError
from weir.mqtt.address import MqttAddress
from weir.runtime.publisher import DevicePublisher

pytestmark = [pytest.mark.mqtt, pytest.mark.rabbitmq]


async def test_publishing_as_another_device_ends_with_advice(site: Site) -> None:
    await site.admit(["pump-1"])
    login = f"pump-1:{site.credentials['pump-1']}"
    url = site.device_url.replace("mqtt://", f"mqtt://{login}@")
    address = MqttAddress.of_device(url, "pump-2")
    with pytest.raises(BrokerUnavailableError, match=r"may MQTT user .*1' publish as 'pump-2'"):
        await publish_one(address)


async def publish_one(address: MqttAddress) -> None:
    async with DevicePublisher(address, patience_s=2) as publisher:
        await publisher.publish("logs", b"x")
        await publisher.flush()
