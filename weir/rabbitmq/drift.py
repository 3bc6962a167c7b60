"""How a broker differs from the topology that it should have."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from weir.model.names import CONTROL_STREAM, JOURNAL_STREAM
from weir.rabbitmq.management import open_management, vhost_of
from weir.rabbitmq.topology import Binding, Exchange, Queue, Topology, topology


class Kind(StrEnum):
    """What is the matter."""

    MISSING = "missing"
    DIFFERENT = "different"
    UNBOUND = "unbound"
    UNEXPECTED = "unexpected"
    #: Not wrong by itself: a service may be stopped. The broker counts with a delay of seconds.
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, told for people."""

    kind: Kind
    name: str
    detail: str

    @property
    def is_problem(self) -> bool:
        """Whether messages can go astray because of it."""
        return self.kind is not Kind.UNREAD


@dataclass(frozen=True, slots=True)
class Present:
    """What the management API lists of one virtual host."""

    exchanges: Mapping[str, Mapping[str, Any]]
    queues: Mapping[str, Mapping[str, Any]]
    bindings: frozenset[Binding]
    read_queues: frozenset[str]


async def check_topology(management_url: str, partition_count: int) -> list[Finding]:
    """Compare the virtual host that `management_url` names with what should be there.

    Raises:
        BrokerUnavailableError: try again later.
        ConfigError: the partition count is out of bounds, or the user may not list queues.
        NotFoundError: there is no such virtual host.
    """
    wanted = topology(partition_count)
    vhost = vhost_of(management_url)
    async with open_management(management_url) as management:
        # Not the number of consumers that each queue has: 4.3 counts those later still.
        consumers = await management.list("consumers", vhost)
        present = Present(
            exchanges={item["name"]: item for item in await management.list("exchanges", vhost)},
            queues={item["name"]: item for item in await management.list("queues", vhost)},
            bindings=frozenset(map(_binding, await management.list("bindings", vhost))),
            read_queues=frozenset(item["queue"]["name"] for item in consumers),
        )
    return list(compare(wanted, present))


def compare(wanted: Topology, present: Present) -> Iterator[Finding]:
    """Tell the differences, in the order of declaration. Pure."""
    yield from _compare_items(wanted.queues, present.queues)
    yield from _compare_items(wanted.exchanges, present.exchanges)
    for binding in wanted.bindings:
        if binding not in present.bindings:
            yield Finding(Kind.UNBOUND, binding.destination, f"gets nothing from {_from(binding)}")
    for binding in sorted(present.bindings - set(wanted.bindings), key=str):
        if binding.source in _closed_exchanges(wanted):
            yield Finding(Kind.UNEXPECTED, binding.destination, f"takes from {_from(binding)}")
    # Who follows the journal, or looks at what devices were sent, comes and goes as it likes.
    unread = present.queues.keys() - present.read_queues - {CONTROL_STREAM, JOURNAL_STREAM}
    for queue in wanted.queues:
        if queue.name in unread:
            yield Finding(Kind.UNREAD, queue.name, "nobody reads it")


def _compare_items(
    items: Iterable[Exchange | Queue], present: Mapping[str, Mapping[str, Any]]
) -> Iterator[Finding]:
    for item in items:
        if item.name in present:
            yield from _compare_item(item, present[item.name])
        else:
            yield Finding(Kind.MISSING, item.name, f"there is no such {item.kind}")


def _compare_item(item: Exchange | Queue, there: Mapping[str, Any]) -> Iterator[Finding]:
    wanted = {"type": item.type, "durable": True, **item.arguments}
    found = {"type": there["type"], "durable": there["durable"], **there["arguments"]}
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            detail = f"{key} is {found.get(key)!r}, not {wanted.get(key)!r}"
            yield Finding(Kind.DIFFERENT, item.name, detail)


def _closed_exchanges(wanted: Topology) -> set[str]:
    """Name the exchanges on which nobody else binds: all but the one of the devices' sessions."""
    return {exchange.name for exchange in wanted.exchanges if exchange.type != "topic"}


def _binding(item: Mapping[str, Any]) -> Binding:
    return Binding(
        source=item["source"],
        destination=item["destination"],
        routing_key=item["routing_key"],
        to_exchange=item["destination_type"] == "exchange",
    )


def _from(binding: Binding) -> str:
    return (
        f"{binding.source} with {binding.routing_key!r}" if binding.routing_key else binding.source
    )
