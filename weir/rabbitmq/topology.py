"""What Weir declares on RabbitMQ: exchanges, queues, streams and bindings, as data.

    device ─► iot ─┬─ sensor.*.measurements.# ─► iot.measurements ─► one stream for each partition
     (topic)       ├─ sensor.*.events.# ───────► iot.measurements
                   ├─ sensor.*.locations.# ────► iot.measurements
                   ├─ sensor.*.registry.# ─────► sensor.all.registry.created
                   ├─ sensor.*.logs.# ─────────► sensor.all.logs, a stream
                   ├─ sensor.*.replies.# ──────► sensor.all.replies
                   ├─ sensor.*.state.# ────────► sensor.all.state
                   ├─ sensor.*.commands.# ─────► sensor.all.control, a stream, and the device
                   ├─ sensor.*.config.# ───────► sensor.all.control, a stream, and the device
                   ├─ journal.# ───────────────► journal.all, a stream
                   └─ anything else ───────────► iot.unroutable ─► sensor.all.unroutable
    a queue that gives a message up ───────────► iot.dead ───────► sensor.all.dead_letters

Keys that nothing consumes are kept as unroutable, and so is what `iot.measurements` has no stream
for: a publish is never confirmed and then thrown away.

The partition is chosen by the hash of the routing key, so a device's readings stay in order in one
stream, and so do its events, and its locations; they may be in different streams. Adding a
partition moves some devices to another one: their older readings may then be read after newer ones.
Readings carry their own time, so nothing is wrong after both are stored.

Accepted by RabbitMQ 3.10.8 and 4.3. What one of them would choose by itself is said explicitly.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from weir.errors import ConfigError
from weir.model.names import (
    COMMANDS_BINDING,
    CONFIG_BINDING,
    CONTROL_STREAM,
    DEAD_LETTER_EXCHANGE,
    DEAD_LETTER_QUEUE,
    EVENTS_BINDING,
    EXCHANGE,
    JOURNAL_BINDING,
    JOURNAL_STREAM,
    LOCATIONS_BINDING,
    LOGS_BINDING,
    LOGS_STREAM,
    MEASUREMENTS_BINDING,
    MEASUREMENTS_EXCHANGE,
    PARTITION_COUNT_MAX,
    REGISTRY_BINDING,
    REGISTRY_QUEUE,
    REPLIES_BINDING,
    REPLIES_QUEUE,
    STATE_BINDING,
    STATE_QUEUE,
    UNROUTABLE_EXCHANGE,
    UNROUTABLE_QUEUE,
    partition_streams,
)
from weir.rabbitmq.connection import (
    REQUEST_TIMEOUT_S,
    open_channel,
    open_connection,
    reply_text,
    translated,
)

Arguments = Mapping[str, str | int]

#: Deliveries after which a message that takes its consumer down is set aside. Each lost
#: connection counts too, so that five would be few.
DELIVERY_COUNT_MAX = 10
#: For queues behind which nothing catches what is given up. 4.x would give up after 20, 3.10.8
#: never; its number for "never" in 4.x, -1, makes 3.10.8 hang.
DELIVERY_COUNT_UNLIMITED = 1_000_000_000

#: A full queue refuses: the publisher is not acknowledged and keeps its message.
REGISTRY_BYTES_MAX = 256 * 1024**2
REPLIES_BYTES_MAX = 256 * 1024**2
STATE_BYTES_MAX = 256 * 1024**2
DEAD_LETTER_BYTES_MAX = 1024**3

#: A stream drops its oldest segments beyond either bound, read or not. A policy can lower them.
STREAM_BYTES_MAX = 32 * 1024**3
STREAM_AGE_MAX = "30D"
#: Log lines that nobody has read by then are lost, and counted. A queue would refuse them, and a
#: device that is refused one message is held up with all that it publishes.
LOGS_BYTES_MAX = 1024**3
LOGS_AGE_MAX = "7D"
#: The journal itself is in the database; the stream is for those that follow it.
JOURNAL_BYTES_MAX = 1024**3
JOURNAL_AGE_MAX = "365D"
#: To look at; what waits for a device is in the database.
CONTROL_BYTES_MAX = 256 * 1024**2
CONTROL_AGE_MAX = "7D"
#: The unit in which a stream is shortened.
STREAM_SEGMENT_BYTES = 100_000_000

#: On a consistent-hash exchange the binding key is a weight: every partition gets an equal share.
_WEIGHT = "1"
#: How 3.10.8 and 4.3 say that something is there with other arguments.
_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)' for (?P<kind>\w+) '(?P<name>[^']+)'.*?: "
    r"received (?P<wanted>.+) but current is (?P<present>.+)"
)
_TYPED_VALUE = re.compile(r"the value '(.*)' of type '\w+'")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    type: str
    arguments: Arguments = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return f"{self.type} exchange"


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue or stream; `arguments` has its type."""

    name: str
    arguments: Arguments

    @property
    def type(self) -> str:
        """`quorum` or `stream`."""
        return str(self.arguments["x-queue-type"])

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "stream" if self.type == "stream" else f"{self.type} queue"


@dataclass(frozen=True, slots=True)
class Binding:
    """What of `source` goes to `destination`; the key is a pattern, a weight, or empty."""

    source: str
    destination: str
    routing_key: str
    to_exchange: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything, in the order in which it is safe to declare.

    An exchange is complete, with its bindings, before another one routes to it.
    """

    queues: tuple[Queue, ...]
    exchanges: tuple[Exchange, ...]
    bindings: tuple[Binding, ...]

    def bindings_of(self, exchange: Exchange) -> tuple[Binding, ...]:
        """Give the bindings that lead away from an exchange."""
        return tuple(binding for binding in self.bindings if binding.source == exchange.name)


def topology(partition_count: int) -> Topology:
    """Describe an installation with `partition_count` measurement streams.

    Raises:
        ConfigError: not between 1 and `PARTITION_COUNT_MAX`.
    """
    if not 1 <= partition_count <= PARTITION_COUNT_MAX:
        raise ConfigError(f"{partition_count} partitions: it must be 1 to {PARTITION_COUNT_MAX}")
    streams = partition_streams(partition_count)
    catch_all = {"alternate-exchange": UNROUTABLE_EXCHANGE}
    return Topology(
        queues=(
            _last_resort(UNROUTABLE_QUEUE),
            _last_resort(DEAD_LETTER_QUEUE),
            _work(REGISTRY_QUEUE, REGISTRY_BYTES_MAX),
            _work(REPLIES_QUEUE, REPLIES_BYTES_MAX),
            _work(STATE_QUEUE, STATE_BYTES_MAX),
            _stream(LOGS_STREAM, LOGS_BYTES_MAX, LOGS_AGE_MAX),
            _stream(JOURNAL_STREAM, JOURNAL_BYTES_MAX, JOURNAL_AGE_MAX),
            _stream(CONTROL_STREAM, CONTROL_BYTES_MAX, CONTROL_AGE_MAX),
            *(_stream(name, STREAM_BYTES_MAX, STREAM_AGE_MAX) for name in streams),
        ),
        exchanges=(
            Exchange(UNROUTABLE_EXCHANGE, "fanout"),
            Exchange(DEAD_LETTER_EXCHANGE, "fanout"),
            Exchange(MEASUREMENTS_EXCHANGE, "x-consistent-hash", catch_all),
            Exchange(EXCHANGE, "topic", catch_all),
        ),
        bindings=(
            Binding(UNROUTABLE_EXCHANGE, UNROUTABLE_QUEUE, ""),
            Binding(DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, ""),
            *(Binding(MEASUREMENTS_EXCHANGE, name, _WEIGHT) for name in streams),
            *(
                Binding(EXCHANGE, MEASUREMENTS_EXCHANGE, pattern, to_exchange=True)
                for pattern in (MEASUREMENTS_BINDING, EVENTS_BINDING, LOCATIONS_BINDING)
            ),
            Binding(EXCHANGE, REGISTRY_QUEUE, REGISTRY_BINDING),
            Binding(EXCHANGE, REPLIES_QUEUE, REPLIES_BINDING),
            Binding(EXCHANGE, STATE_QUEUE, STATE_BINDING),
            Binding(EXCHANGE, LOGS_STREAM, LOGS_BINDING),
            Binding(EXCHANGE, JOURNAL_STREAM, JOURNAL_BINDING),
            Binding(EXCHANGE, CONTROL_STREAM, COMMANDS_BINDING),
            Binding(EXCHANGE, CONTROL_STREAM, CONFIG_BINDING),
        ),
    )


async def apply_topology(amqp_url: str, partition_count: int) -> list[str]:
    """Declare everything; safe to repeat, and from several processes at once.

    Nothing is ever deleted. More partitions than before are added; fewer are refused.

    Returns:
        The names of what now is there, in the order of declaration.

    Raises:
        BrokerUnavailableError: try again later.
        ConfigError: something is there with other arguments, or more partitions are; the message
            names it. Or the broker refuses the user.
    """
    wanted = topology(partition_count)
    async with open_connection(amqp_url, "topology") as connection:
        await _refuse_fewer_partitions(connection, partition_count)
        async with open_channel(connection) as channel:
            with translated():
                try:
                    return await _declare(channel, wanted)
                except ChannelPreconditionFailed as error:
                    raise ConfigError(_explain(reply_text(error))) from error


async def _refuse_fewer_partitions(connection: AbstractConnection, partition_count: int) -> None:
    if partition_count == PARTITION_COUNT_MAX:
        return
    beyond = partition_streams(partition_count + 1)[-1]
    async with open_channel(connection) as channel:
        with translated():
            try:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    await channel.declare_queue(beyond, passive=True)
            except ChannelNotFoundEntity:
                return
    raise ConfigError(
        f"WEIR_PARTITION_COUNT is {partition_count}, but the stream {beyond} is there: "
        "with fewer partitions the readings in it would never be stored"
    )


async def _declare(channel: AbstractChannel, wanted: Topology) -> list[str]:
    names = []
    for queue in wanted.queues:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await channel.declare_queue(queue.name, durable=True, arguments=dict(queue.arguments))
        names.append(queue.name)
    for exchange in wanted.exchanges:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await channel.declare_exchange(
                exchange.name, exchange.type, durable=True, arguments=dict(exchange.arguments)
            )
            for binding in wanted.bindings_of(exchange):
                await _bind(channel, binding)
        names.append(exchange.name)
    return names


async def _bind(channel: AbstractChannel, binding: Binding) -> None:
    if binding.to_exchange:
        exchange = await channel.get_exchange(binding.destination, ensure=False)
        await exchange.bind(binding.source, binding.routing_key)
    else:
        queue = await channel.get_queue(binding.destination, ensure=False)
        await queue.bind(binding.source, binding.routing_key)


def _explain(text: str) -> str:
    found = _INEQUIVALENT.search(text)
    if found is None:
        return f"RabbitMQ: {text}"
    wanted, present = (_TYPED_VALUE.sub(r"'\1'", found[key]) for key in ("wanted", "present"))
    return (
        f"{found['kind']} {found['name']} is there with {found['argument']} {present}, "
        f"not {wanted}; this cannot be changed: empty and delete it, it is declared again"
    )


def _work(name: str, bytes_max: int) -> Queue:
    """Describe a queue that a consumer works on; what it gives up goes to the dead letters."""
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_COUNT_MAX,
            "x-max-length-bytes": bytes_max,
            "x-overflow": "reject-publish",
            "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE,
            # At-most-once, the default, loses a message when its target is away.
            "x-dead-letter-strategy": "at-least-once",
        },
    )


def _last_resort(name: str) -> Queue:
    """Describe a queue from which nothing is dropped and which passes nothing on."""
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_COUNT_UNLIMITED,
            "x-max-length-bytes": DEAD_LETTER_BYTES_MAX,
            "x-overflow": "reject-publish",
        },
    )


def _stream(name: str, bytes_max: int, age_max: str) -> Queue:
    return Queue(
        name,
        {
            "x-queue-type": "stream",
            "x-max-length-bytes": bytes_max,
            "x-max-age": age_max,
            "x-stream-max-segment-size-bytes": STREAM_SEGMENT_BYTES,
        },
    )
