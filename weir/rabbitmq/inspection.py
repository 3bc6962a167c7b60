"""Looks at a broker without changing it, with no more rights than a service has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

from aio_pika import Connection
from aio_pika.exceptions import ChannelNotFoundEntity

from weir.rabbitmq.connection import open_channel, open_connection, translated
from weir.rabbitmq.management import open_management

MEMORY_ALARM_ADVICE = "free memory or disk on the broker's machine: rabbitmq-diagnostics alarms"


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What waits in a queue, and how many read it; of streams only the first is told reliably."""

    message_count: int
    consumer_count: int


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """What a node has left of its disk, and with how much less it takes no more messages."""

    node: str
    free_bytes: int
    limit_bytes: int


async def inspect_broker(amqp_url: str) -> str:
    """Connect, and give the broker's version.

    Raises:
        BrokerUnavailableError: nobody answers.
        ConfigError: the broker refuses the user.
    """
    async with open_connection(amqp_url, "looks around") as connection:
        assert isinstance(connection, Connection)  # noqa: S101 - `open_connection` makes no other
        transport = connection.transport
        assert transport is not None  # noqa: S101 - it is open
        properties = getattr(transport.connection, "server_properties", {})
    version = properties.get("version", "")
    return version.decode() if isinstance(version, bytes | bytearray) else str(version)


async def inspect_queues(amqp_url: str, names: Sequence[str]) -> dict[str, QueueFacts | None]:
    """Look at queues by name; None: there is no such queue.

    Raises:
        BrokerUnavailableError: nobody answers.
        ConfigError: the broker refuses the user.
    """
    found: dict[str, QueueFacts | None] = {}
    async with open_connection(amqp_url, "looks at queues") as connection:
        for name in names:
            # What is missing ends the channel.
            async with open_channel(connection) as channel:
                with translated():
                    try:
                        queue = await channel.declare_queue(name, passive=True)
                    except ChannelNotFoundEntity:
                        found[name] = None
                    else:
                        told = queue.declaration_result
                        found[name] = QueueFacts(told.message_count or 0, told.consumer_count or 0)
    return found


async def read_alarms(management_url: str) -> list[str]:
    """Name the resource alarms that are in effect, in a few words each.

    Raises:
        BrokerUnavailableError: the management API does not answer.
        ConfigError: the user may not look.
    """
    async with open_management(management_url) as management:
        nodes = await management.get("nodes")
    return [
        f"{kind} of {node.get('name')}"
        for node in nodes
        for kind, key in (("memory", "mem_alarm"), ("disk", "disk_free_alarm"))
        if node.get(key)
    ]


async def read_disks(management_url: str) -> list[DiskFacts]:
    """Tell how much disk each node has left.

    Raises:
        BrokerUnavailableError: the management API does not answer.
        ConfigError: the user may not look.
    """
    async with open_management(management_url) as management:
        nodes = await management.get("nodes")
    # A node that is down tells nothing.
    return [
        DiskFacts(node["name"], node["disk_free"], node["disk_free_limit"])
        for node in nodes
        if isinstance(node.get("disk_free"), int)
    ]


async def read_broker_time(management_url: str) -> datetime:
    """Give the time of day at the broker, to a second.

    Raises:
        BrokerUnavailableError: the management API does not answer.
    """
    async with open_management(management_url) as management:
        return parsedate_to_datetime(await management.date())
