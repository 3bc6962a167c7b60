"""The relay publishes each event on its key, and is not content with less than all confirms."""

import json

import pytest

from consumers.journal_relay import JournalRelay
from weir.errors import BrokerUnavailableError
from weir.events.event import JournalRecord
from weir.ports import OutgoingMessage
from weir.testing.clock import START
from weir.testing.memory import MemoryPublisher, memory_ports

MOVED = JournalRecord(
    position=7,
    entity="device",
    entity_id="pump-1",
    entity_version=3,
    type="device_moved",
    type_version=1,
    data={"organisation": "default", "site": "harbour"},
    actor="user:ada",
    correlation_id="c0ffee",
    causation_id=None,
    recorded_at=START,
)


async def test_an_event_is_published_whole_on_its_key() -> None:
    publisher = MemoryPublisher()

    await JournalRelay(memory_ports(publisher=publisher)).handle([MOVED])

    [message] = publisher.messages
    assert message == OutgoingMessage(
        "journal.device.device_moved",
        message.body,
        "7",
        "application/json",
        correlation_id="c0ffee",
    )
    assert MOVED == JournalRecord.model_validate_json(message.body)
    assert {"organisation": "default", "site": "harbour"} == json.loads(message.body)["data"]


async def test_what_is_not_confirmed_fails_all() -> None:
    publisher = MemoryPublisher([BrokerUnavailableError("full")])

    with pytest.raises(BrokerUnavailableError):
        await JournalRelay(memory_ports(publisher=publisher)).handle([MOVED, MOVED])
