"""What is told about a broker that is not as it should be."""

from dataclasses import replace
from typing import Any

import pytest

from weir.model.names import (
    EXCHANGE,
    MEASUREMENTS_EXCHANGE,
    REGISTRY_BINDING,
    REGISTRY_QUEUE,
    partition_streams,
)
from weir.rabbitmq.drift import Kind, Present, compare
from weir.rabbitmq.topology import Binding, Topology, topology

WANTED = topology(2)


def as_present(source: Topology) -> Present:
    """Make what the management API would list for a topology."""
    return Present(
        exchanges={item.name: listed(item.type, item.arguments) for item in source.exchanges},
        queues={item.name: listed(item.type, item.arguments) for item in source.queues},
        bindings=frozenset(source.bindings) | {Binding("", REGISTRY_QUEUE, REGISTRY_QUEUE)},
        read_queues=frozenset(item.name for item in source.queues),
    )


def listed(kind: str, arguments: Any) -> dict[str, Any]:
    return {"type": kind, "durable": True, "arguments": dict(arguments)}


def kinds(present: Present) -> list[tuple[Kind, str]]:
    return [(finding.kind, finding.name) for finding in compare(WANTED, present)]


def test_a_broker_as_it_should_be_has_no_findings() -> None:
    assert [] == kinds(as_present(WANTED))


def test_an_empty_broker_misses_everything() -> None:
    found = kinds(Present({}, {}, frozenset(), frozenset()))
    assert len(WANTED.queues) + len(WANTED.exchanges) == found_count(found, Kind.MISSING)
    assert len(WANTED.bindings) == found_count(found, Kind.UNBOUND)


def found_count(found: list[tuple[Kind, str]], kind: Kind) -> int:
    return sum(1 for one, _ in found if one is kind)


@pytest.mark.parametrize(
    ("key", "value"), [("x-max-length-bytes", 5), ("x-overflow", None), ("x-expires", 1000)]
)
def test_every_argument_that_differs_is_named(key: str, value: object) -> None:
    present = as_present(WANTED)
    present.queues[REGISTRY_QUEUE]["arguments"][key] = value
    (finding,) = compare(WANTED, present)
    assert (Kind.DIFFERENT, REGISTRY_QUEUE, True) == (
        finding.kind,
        finding.name,
        finding.is_problem,
    )
    assert key in finding.detail


def test_an_exchange_of_another_type_is_told() -> None:
    present = as_present(WANTED)
    exchanges = {**present.exchanges, EXCHANGE: listed("direct", {})}
    findings = list(compare(WANTED, replace(present, exchanges=exchanges)))
    assert ["alternate-exchange", "type"] == [item.detail.partition(" ")[0] for item in findings]


def test_a_missing_binding_says_what_no_longer_arrives() -> None:
    present = as_present(WANTED)
    bindings = present.bindings - {Binding(EXCHANGE, REGISTRY_QUEUE, REGISTRY_BINDING)}
    (finding,) = compare(WANTED, replace(present, bindings=bindings))
    assert (Kind.UNBOUND, REGISTRY_QUEUE) == (finding.kind, finding.name)
    assert REGISTRY_BINDING in finding.detail


def test_a_partition_beyond_the_count_is_told() -> None:
    third = partition_streams(3)[-1]
    assert [(Kind.UNEXPECTED, third)] == kinds(as_present(topology(3)))


def test_sessions_of_devices_on_the_exchange_are_normal() -> None:
    present = as_present(WANTED)
    session = Binding(EXCHANGE, "mqtt-subscription-pump-1qos1", "sensor.pump-1.commands.#")
    assert [] == kinds(replace(present, bindings=present.bindings | {session}))


def test_a_queue_that_nobody_reads_is_a_note_only() -> None:
    present = as_present(WANTED)
    unread = present.read_queues - {REGISTRY_QUEUE}
    (finding,) = compare(WANTED, replace(present, read_queues=unread))
    assert (Kind.UNREAD, False) == (finding.kind, finding.is_problem)


def test_an_exchange_to_exchange_binding_is_not_one_to_a_queue() -> None:
    present = as_present(WANTED)
    wanted = next(item for item in WANTED.bindings if item.destination == MEASUREMENTS_EXCHANGE)
    bindings = (present.bindings - {wanted}) | {replace(wanted, to_exchange=False)}
    assert (Kind.UNBOUND, MEASUREMENTS_EXCHANGE) in kinds(replace(present, bindings=bindings))
