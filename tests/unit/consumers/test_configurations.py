"""What is due is published once, and what the broker does not take stays due."""

from dataclasses import replace

import pytest

from consumers.configurations import Configurations
from weir.codec.control.configuration import decode_configuration
from weir.control_ports import WantedConfiguration
from weir.errors import BrokerUnavailableError
from weir.events.event import JournalRecord
from weir.model.configuration import ConfigurationMessage
from weir.testing.clock import START
from weir.testing.memory import MemoryConfigurationStore, MemoryPublisher, memory_ports

MESSAGE = ConfigurationMessage(3, "sha256:abc", {"sample_rate_hz": 50})


def record(type_: str, serial: str) -> JournalRecord:
    return JournalRecord(
        position=1,
        entity="presence",
        entity_id=serial,
        entity_version=1,
        type=type_,
        type_version=1,
        data={},
        actor=serial,
        correlation_id=None,
        causation_id=None,
        recorded_at=START,
    )


def consumer(
    store: MemoryConfigurationStore, publisher: MemoryPublisher | None = None
) -> Configurations:
    return Configurations(replace(memory_ports(publisher=publisher), configurations=store))


async def test_what_is_due_is_published_once() -> None:
    store, publisher = MemoryConfigurationStore(), MemoryPublisher()
    store.to_send = [WantedConfiguration(1, "pump-1", MESSAGE)]
    configurations = consumer(store, publisher)

    await configurations.handle([record("configuration_desired", "pump-1")])
    await configurations.deliver()

    (message,) = publisher.messages
    assert "sensor.pump-1.config" == message.routing_key
    assert MESSAGE == decode_configuration(message.body)
    assert [] == store.wanted


async def test_a_device_that_comes_back_is_looked_at() -> None:
    store = MemoryConfigurationStore()

    await consumer(store).handle(
        [record("device_came_online", "pump-1"), record("device_started", "pump-2")]
    )

    assert ["pump-1", "pump-2"] == store.wanted


async def test_what_the_broker_does_not_take_stays_due() -> None:
    store = MemoryConfigurationStore()
    publisher = MemoryPublisher([BrokerUnavailableError("full")])
    store.to_send = [WantedConfiguration(n, f"pump-{n}", MESSAGE) for n in (1, 2)]
    configurations = consumer(store, publisher)

    with pytest.raises(BrokerUnavailableError):
        await configurations.deliver()
    await configurations.deliver()

    assert ["pump-2", "pump-1"] == [each.serial for each in store.sent]
