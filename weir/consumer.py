"""The contract of a consumer: what it reads, and what it does with it.

A consumer is one file in `consumers/` with one subclass of `QueueConsumer`, `StreamConsumer` or
`JournalConsumer` whose `name` is the file's. Everything around it (connections, prefetch, retry,
dead letters, checkpoints, metrics, health, graceful stop) comes from `weir.runtime`.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from weir.clock import Clock, SystemClock
from weir.codec.single_join import Split
from weir.command_port import CommandStore
from weir.control_ports import ConfigurationStore, PresenceStore, StreamEnds
from weir.events.event import JournalRecord
from weir.model.names import partition_streams
from weir.ports import (
    AppendReport,
    Checkpoint,
    DeadLetter,
    DeadLetterStore,
    DeviceLogStore,
    DeviceStore,
    Publisher,
    ReadingStore,
    RetentionStore,
    RollupStore,
    SequenceStore,
)

Item = TypeVar("Item")

#: What the checkpoint of a `JournalConsumer` calls that which it reads, in place of a stream.
JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class Ports:
    """What the installation provides to its consumers."""

    devices: DeviceStore
    presence: PresenceStore
    configurations: ConfigurationStore
    readings: ReadingStore
    rollups: RollupStore
    retention: RetentionStore
    sequences: SequenceStore
    dead_letters: DeadLetterStore
    commands: CommandStore
    device_logs: DeviceLogStore
    publisher: Publisher
    stream_ends: StreamEnds
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One arrival of a message on a queue; `delivery_count` is 1 at the first attempt."""

    queue: str
    exchange: str
    routing_key: str
    body: bytes
    received_at: datetime
    delivery_count: int = 1
    headers: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class StreamMessage:
    """One message of a stream; `received_at_us`: the broker's time of its chunk."""

    offset: int
    routing_key: str
    body: bytes
    received_at_us: int


@dataclass(frozen=True, slots=True)
class Chore:
    """What a consumer does beside its messages, every `interval_s`, in one process at a time.

    `run` may be repeated at any moment; it may raise what its ports raise.
    """

    name: str
    interval_s: float
    run: Callable[[], Awaitable[object]]


class Consumer(ABC):
    """What every consumer has: a name, and the ports that it works on."""

    #: File name, metric label and argument of `iotctl run`, all the same.
    name: ClassVar[str]
    #: Variables that must be set for it, beside the addresses that every consumer needs.
    requires: ClassVar[tuple[str, ...]] = ()

    def __init__(self, ports: Ports) -> None:
        self.ports = ports

    def chores(self) -> Sequence[Chore]:
        """Name what is to be done beside the messages; nothing, for most."""
        return ()


class QueueConsumer(Consumer):
    """Reads a quorum queue, one delivery at a time, in order."""

    #: The queues that it reads; declared by the topology.
    queues: ClassVar[tuple[str, ...]]

    def note_connected(self) -> None:
        """Take note that the broker answers, at first and each time after it was away."""

    @abstractmethod
    async def handle(self, delivery: Delivery) -> None:
        """Do the work; returning acknowledges the delivery. Must be safe to repeat.

        Raises:
            InvalidMessageError: never acceptable: it becomes a dead letter.
            TransientError: try again later.
        """


@dataclass(frozen=True, slots=True)
class Joined(Generic[Item]):
    """An item made of many messages.

    `rows`: which of the messages that were given, ascending; `routing_keys`: theirs.
    """

    item: Item
    rows: Sequence[int]
    routing_keys: Sequence[str]


class StreamConsumer(Consumer, Generic[Item]):
    """Projects streams, with a checkpoint of its own for each."""

    #: The stream that it reads; None: those of the measurements, one for each partition.
    stream: ClassVar[str | None] = None
    #: The consumer whose projection this one builds on: it reads nothing that the other has not
    #: committed.
    follows: ClassVar[str | None] = None
    #: Waited before each commit, so that what is touched often is written less often.
    commit_interval_s: ClassVar[float] = 0.0
    #: The shortest time from the start of a commit to that of the next, unless much waits already:
    #: what trickles in is stored together, and what comes alone is stored at once. It grows while
    #: commits take much of the time (`weir.runtime.pace`). 0: there is none.
    pace_s: ClassVar[float] = 0.0
    #: Messages of up to so many bytes, as stored, are given to `join` together; 0: none.
    joined_bytes_max: ClassVar[int] = 0
    #: How long without a message until `commit` is called with none; None: never.
    idle_interval_s: ClassVar[float | None] = None

    def __init__(self, ports: Ports, checkpoint_name: str | None = None) -> None:
        super().__init__(ports)
        #: Under which its progress is remembered: its name, save in a replay.
        self.checkpoint_name = checkpoint_name or self.name

    @classmethod
    def streams(cls, partition_count: int) -> tuple[str, ...]:
        """Name the streams that it reads, of an installation with so many partitions."""
        return (cls.stream,) if cls.stream else partition_streams(partition_count)

    @abstractmethod
    def decode(self, message: StreamMessage) -> Item:
        """Turn one message into what `commit` takes; pure.

        Raises:
            InvalidMessageError: never acceptable: it becomes a dead letter.
        """

    def join(
        self,
        stored: Sequence[bytes],  # noqa: ARG002 - for whoever overrides it, as the others
        received_at_us: NDArray[np.int64],  # noqa: ARG002
        split: Split,  # noqa: ARG002
    ) -> Joined[Item] | None:
        """Make one item of messages that look alike; None: there are no such. Pure.

        `stored`: messages as the stream has them, each of at most `joined_bytes_max`;
        `received_at_us`: when the broker took each. What is left out is decoded one by one, and so
        is all of it when `commit` refuses the item: it must then come to the same.
        """
        return None

    def weigh(self, item: Item) -> int:  # noqa: ARG002 - for whoever overrides it
        """Count the rows that `item` becomes: they bound what waits in memory."""
        return 1

    @abstractmethod
    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[Item],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        """Store the outcome of everything from `start` to `next_offset`, in one transaction.

        A consumer may leave its stored checkpoint behind `next_offset`, to do the rest later:
        after a restart it is given everything from the stored one again.

        Raises:
            ConflictError: another worker moved the checkpoint.
            RejectedByStoreError: the content was refused; the runtime isolates the culprit.
            RefusedItemsError: these of `items` become dead letters, and it is called again.
            StoreUnavailableError: try again later.
        """


class JournalConsumer(Consumer):
    """Reads the journal in the order of its positions; of several processes one does at a time."""

    #: The events that it wants, by type; empty: all.
    types: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    async def handle(self, records: Sequence[JournalRecord]) -> None:
        """Do the work for these events; returning moves the checkpoint behind the last of them.

        Must be safe to repeat: after a crash it is given the same ones again, and when another
        process takes over, both may be at the same ones for a moment.

        Raises:
            InvalidMessageError: one can never be handled: it becomes a dead letter, alone.
            TransientError: try again later, from the first of them.
        """
