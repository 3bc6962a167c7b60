"""What every consumer promises; a new file in `consumers/` is tested without a word here."""

import asyncio
import inspect
import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weir import registry
from weir.config import variable_names
from weir.consumer import (
    Consumer,
    Delivery,
    JournalConsumer,
    QueueConsumer,
    StreamConsumer,
    StreamMessage,
)
from weir.errors import InvalidMessageError
from weir.model.names import PUBLISHED_KINDS
from weir.rabbitmq.topology import topology
from weir.testing.clock import START
from weir.testing.memory import memory_ports

CONSUMERS = registry.discover("consumers", Consumer)
QUEUE_CONSUMERS = {
    name: found for name, found in CONSUMERS.items() if issubclass(found, QueueConsumer)
}

every_consumer = pytest.mark.parametrize("name", sorted(CONSUMERS))

keys = st.one_of(
    st.builds(
        "sensor.{}.{}".format,
        st.sampled_from(["pump-1", "-", "", "a b", "p" * 64]),
        st.sampled_from([*PUBLISHED_KINDS, "measurements.json", "replies.sleep", "commands", ""]),
    ),
    st.text(max_size=50),
)


@every_consumer
def test_it_is_named_as_metrics_and_the_command_line_need(name: str) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    assert name == CONSUMERS[name].name


@every_consumer
def test_it_says_what_it_is_for(name: str) -> None:
    for thing in (CONSUMERS[name], inspect.getmodule(CONSUMERS[name])):
        summary = (inspect.getdoc(thing) or "").partition("\n")[0]
        assert summary.endswith("."), thing


@every_consumer
def test_it_reads_a_queue_the_streams_or_the_journal(name: str) -> None:
    assert issubclass(CONSUMERS[name], QueueConsumer | StreamConsumer | JournalConsumer)


@every_consumer
def test_what_it_requires_can_be_set(name: str) -> None:
    assert set(CONSUMERS[name].requires) <= set(variable_names())


@every_consumer
def test_making_one_touches_nothing(name: str) -> None:
    ports = memory_ports()
    assert ports is CONSUMERS[name](ports).ports


@every_consumer
def test_whom_it_follows_can_get_ahead(name: str) -> None:
    seen = {name}
    found = CONSUMERS[name]
    while issubclass(found, StreamConsumer) and found.follows is not None:
        assert found.follows not in seen
        seen.add(found.follows)
        found = CONSUMERS[found.follows]


@every_consumer
@settings(max_examples=60, deadline=None)
@given(routing_key=keys, body=st.binary(max_size=200))
def test_rubbish_is_accepted_or_rejected_as_invalid(
    name: str, routing_key: str, body: bytes
) -> None:
    consumer = CONSUMERS[name](memory_ports())
    with suppress(InvalidMessageError):
        if isinstance(consumer, QueueConsumer):
            queue = consumer.queues[0]
            asyncio.run(consumer.handle(Delivery(queue, "iot", routing_key, body, START)))
        elif isinstance(consumer, StreamConsumer):
            consumer.decode(StreamMessage(0, routing_key, body, 0))


def test_every_stream_that_is_read_is_declared() -> None:
    declared = {queue.name for queue in topology(2).queues if queue.type == "stream"}
    read = {
        stream
        for found in CONSUMERS.values()
        if issubclass(found, StreamConsumer)
        for stream in found.streams(2)
    }
    assert read <= declared


def test_every_queue_of_the_topology_has_exactly_one_consumer() -> None:
    declared = {queue.name for queue in topology(1).queues if queue.type == "quorum"}
    read = [queue for found in QUEUE_CONSUMERS.values() for queue in found.queues]
    assert sorted(declared) == sorted(read)
