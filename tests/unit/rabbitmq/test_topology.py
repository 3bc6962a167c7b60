"""The topology as data: complete, explicit, and refused by neither broker."""

import pytest

from weir.errors import ConfigError
from weir.model.names import (
    CONTROL_STREAM,
    DEAD_LETTER_EXCHANGE,
    DEAD_LETTER_QUEUE,
    EXCHANGE,
    JOURNAL_STREAM,
    LOGS_STREAM,
    MEASUREMENTS_EXCHANGE,
    PARTITION_COUNT_MAX,
    UNROUTABLE_EXCHANGE,
    UNROUTABLE_QUEUE,
    partition_streams,
)
from weir.rabbitmq.topology import Topology, topology

#: What 3.10.8 does not know or 4.3 refuses.
FORBIDDEN_ARGUMENTS = {"x-queue-mode", "x-queue-version", "x-single-active-consumer", "x-ha-policy"}


@pytest.fixture(params=[1, 3, PARTITION_COUNT_MAX])
def wanted(request: pytest.FixtureRequest) -> Topology:
    return topology(request.param)


def test_every_partition_has_a_stream_with_an_equal_share(wanted: Topology) -> None:
    streams = [queue.name for queue in wanted.queues if queue.type == "stream"]
    streams.remove(JOURNAL_STREAM)
    streams.remove(CONTROL_STREAM)
    streams.remove(LOGS_STREAM)
    shares = {
        binding.destination: binding.routing_key
        for binding in wanted.bindings
        if binding.source == MEASUREMENTS_EXCHANGE
    }
    assert list(partition_streams(len(streams))) == streams
    assert dict.fromkeys(streams, "1") == shares


def test_all_telemetry_goes_to_the_partitions(wanted: Topology) -> None:
    patterns = {
        binding.routing_key
        for binding in wanted.bindings
        if binding.destination == MEASUREMENTS_EXCHANGE
    }
    assert {"sensor.*.measurements.#", "sensor.*.events.#", "sensor.*.locations.#"} == patterns


def test_the_journal_has_a_stream_of_its_own(wanted: Topology) -> None:
    assert ["journal.#"] == [
        binding.routing_key
        for binding in wanted.bindings
        if binding.destination == JOURNAL_STREAM and binding.source == EXCHANGE
    ]


def test_what_devices_are_sent_is_routed_although_none_is_there(wanted: Topology) -> None:
    assert ["sensor.*.commands.#", "sensor.*.config.#"] == [
        binding.routing_key
        for binding in wanted.bindings
        if binding.destination == CONTROL_STREAM and binding.source == EXCHANGE
    ]


@pytest.mark.parametrize("partition_count", [0, -1, PARTITION_COUNT_MAX + 1])
def test_a_partition_count_out_of_bounds_is_refused(partition_count: int) -> None:
    with pytest.raises(ConfigError, match=f"{partition_count} partitions"):
        topology(partition_count)


def test_nothing_is_declared_that_one_of_the_brokers_refuses(wanted: Topology) -> None:
    for queue in wanted.queues:
        assert not FORBIDDEN_ARGUMENTS & set(queue.arguments)
        assert queue.type in {"quorum", "stream"}


def test_every_limit_is_said_explicitly(wanted: Topology) -> None:
    for queue in wanted.queues:
        assert "x-max-length-bytes" in queue.arguments
        if queue.type == "quorum":
            assert {"x-delivery-limit", "x-overflow"} <= set(queue.arguments)
            assert "reject-publish" == queue.arguments["x-overflow"]


def test_what_a_work_queue_gives_up_is_passed_on_at_least_once(wanted: Topology) -> None:
    last_resorts = {UNROUTABLE_QUEUE, DEAD_LETTER_QUEUE}
    for queue in wanted.queues:
        if queue.type == "quorum" and queue.name not in last_resorts:
            assert DEAD_LETTER_EXCHANGE == queue.arguments["x-dead-letter-exchange"]
            assert "at-least-once" == queue.arguments["x-dead-letter-strategy"]
        else:
            assert "x-dead-letter-exchange" not in queue.arguments


def test_an_exchange_that_may_find_no_queue_has_an_alternate(wanted: Topology) -> None:
    alternates = {
        exchange.name: exchange.arguments.get("alternate-exchange") for exchange in wanted.exchanges
    }
    assert UNROUTABLE_EXCHANGE == alternates[EXCHANGE]
    assert UNROUTABLE_EXCHANGE == alternates[MEASUREMENTS_EXCHANGE]


def test_an_exchange_is_complete_before_another_routes_to_it(wanted: Topology) -> None:
    complete = {queue.name for queue in wanted.queues}
    for exchange in wanted.exchanges:
        targets = {binding.destination for binding in wanted.bindings_of(exchange)}
        targets |= {str(exchange.arguments.get("alternate-exchange", exchange.name))}
        assert targets <= complete | {exchange.name}
        complete.add(exchange.name)


def test_every_binding_starts_at_an_exchange_of_ours(wanted: Topology) -> None:
    assert {exchange.name for exchange in wanted.exchanges} == {
        binding.source for binding in wanted.bindings
    }
