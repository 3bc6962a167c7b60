"""What the applications need from the outside, without saying who provides it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from weir.codec.telemetry import Storable
from weir.errors import WeirError
from weir.model.announcement import Announcement
from weir.model.device_log import LogBatch
from weir.model.retention import Layer


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was rejected, kept byte for byte with everything that a replay needs.

    `source` is the queue or stream; `source_offset` its position there, for streams only.
    `first_seen_at` is when the message first reached Weir, UTC.
    """

    consumer: str
    reason: str
    error: str
    source: str
    routing_key: str
    body: bytes
    first_seen_at: datetime
    source_offset: int | None = None
    exchange: str = ""
    headers: dict[str, object] = field(default_factory=dict)
    serial: str | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """What of a dead letter is published when it is replayed; `headers` as they were kept."""

    routing_key: str
    headers: Mapping[str, object]
    body: bytes


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message of our own, for the exchange that devices publish to.

    `message_id`: the same when it is published again, so that whoever takes it sees that.
    `expires_in_s`: how long queues keep it; None: as long as they keep anything. `correlation_id`:
    the same for all that one request has led to; the trace follows from it.
    """

    routing_key: str
    body: bytes
    message_id: str | None = None
    content_type: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    expires_in_s: float | None = None
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a consumer has read one stream: the offset that it wants next."""

    consumer: str
    stream: str
    next_offset: int


@dataclass(frozen=True, slots=True)
class AppendReport:
    """What one commit did.

    `stored_count` counts readings; `event_count` and `location_count` what was stored beside them.
    Of all three: `repeated_count` was stored before, `conflicting_count` with another value.
    """

    stored_count: int = 0
    repeated_count: int = 0
    conflicting_count: int = 0
    rollup_count: int = 0
    event_count: int = 0
    location_count: int = 0

    def __add__(self, other: "AppendReport") -> "AppendReport":
        return AppendReport(
            self.stored_count + other.stored_count,
            self.repeated_count + other.repeated_count,
            self.conflicting_count + other.conflicting_count,
            self.rollup_count + other.rollup_count,
            self.event_count + other.event_count,
            self.location_count + other.location_count,
        )


class DeviceStore(Protocol):
    """Keeps the registry of devices."""

    async def announce(self, announcement: Announcement, received_at: datetime) -> bool:
        """Enrol or update a device; safe to repeat. True when it was new.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...


class DeadLetterStore(Protocol):
    """Keeps what was rejected."""

    async def keep(self, letter: DeadLetter) -> None:
        """Keep a message; the same one from the same offset is kept once.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...


class Publisher(Protocol):
    """Sends messages of our own."""

    async def publish(self, messages: Sequence[OutgoingMessage]) -> Sequence[WeirError | None]:
        """Publish in this order; give what went wrong with each, None where it was confirmed.

        What is not confirmed may have been published all the same.

        Raises:
            BrokerUnavailableError: nothing was published; try again later.
            ConfigError: no broker is known, or it refuses access.
        """
        ...


class Republisher(Protocol):
    """Sends messages that were kept on their way again."""

    async def publish(self, messages: Sequence[KeptMessage]) -> Sequence[WeirError | None]:
        """Publish in this order; give what went wrong with each, None where it was confirmed.

        What is not confirmed may have been published all the same.

        Raises:
            BrokerUnavailableError: nothing was published; try again later.
            ConfigError: no broker is known, or it refuses access.
        """
        ...


class CheckpointStore(Protocol):
    """Remembers how far a consumer has read."""

    async def next_offset(self, consumer: str, stream: str) -> int:
        """Tell the offset that `consumer` wants next; 0 when it never read `stream`.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def put(self, checkpoint: Checkpoint) -> None:
        """Set a checkpoint, whatever it was.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...


class ReadingStore(Protocol):
    """Keeps the measurements, and the events and locations beside them."""

    async def append(
        self,
        start: Checkpoint,
        next_offset: int,
        batches: Sequence[Storable],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        """Store batches and dead letters and move the checkpoint, all in one transaction.

        Raises:
            ConflictError: the stored checkpoint is not `start`: another writer was here.
            RejectedByStoreError: the content itself was refused, nothing was stored.
            RefusedItemsError: these batches cannot be accepted now; nothing was stored.
            StoreUnavailableError: try again later; whether it was stored shows the checkpoint.
        """
        ...


class RollupStore(Protocol):
    """Keeps the aggregates."""

    async def recompute(
        self,
        start: Checkpoint,
        next_offset: int,
        minutes: "TouchedMinutes",
        rolled_until: datetime | None,
    ) -> int:
        """Recompute minutes and all above them, and move the checkpoint, in one transaction.

        `rolled_until`: everything that the broker took before it is in the rollups then; `None`
        where that is not known. Returns the number of buckets written.

        Raises:
            ConflictError: the stored checkpoint is not `start`.
            StoreUnavailableError: try again later.
        """
        ...

    async def work_off_request(self) -> bool:
        """Recompute one day of what was asked for to be computed again; False when nothing was.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Expired:
    """What a run of retention dropped of one table: a whole partition, or rows of some series.

    `until`: everything that was dropped is from before it. Of a partition the size is known, of
    rows their number.
    """

    layer: Layer
    table: str
    until: datetime
    partition: str | None = None
    row_count: int | None = None
    byte_count: int | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What a run of retention left for the next one, and what for."""

    layer: Layer | None
    reason: str


@dataclass(frozen=True, slots=True)
class RetentionReport:
    """What a run of retention did; not finished: its time was over, and the next goes on."""

    expired: Sequence[Expired]
    waits: Sequence[Wait]
    is_finished: bool


class RetentionStore(Protocol):
    """Drops what is older than its policy allows."""

    async def run(self, now: datetime) -> RetentionReport:
        """Drop what has expired at `now`; safe to repeat, and one at a time.

        Raises:
            StoreUnavailableError: try again later; what was dropped stays dropped.
        """
        ...


#: Sequence numbers of batches that have arrived, by (serial, boot id).
SeenSequences = Mapping[tuple[str, int], set[int]]


class SequenceStore(Protocol):
    """Keeps which batches of each device have arrived."""

    async def note(self, start: Checkpoint, next_offset: int, seen: SeenSequences) -> None:
        """Note arrived batches and move the checkpoint in one transaction; safe to repeat.

        Raises:
            ConflictError: the stored checkpoint is not `start`.
            StoreUnavailableError: try again later.
        """
        ...

    async def count_missing(self) -> int:
        """Count the batches that are missing in the whole installation.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...


#: Minutes to recompute, as (serial, field, start of the minute in microseconds since 1970).
TouchedMinutes = Sequence[tuple[str, str, int]]


class DeviceLogSink(Protocol):
    """Takes the log lines of devices for the tools of others."""

    async def write(self, batches: Sequence[LogBatch]) -> None:
        """Append the lines; on return they survive the end of this process.

        Raises:
            StoreUnavailableError: try again later; nothing of this was written.
        """
        ...


@dataclass(frozen=True, slots=True)
class LogReport:
    """What became of log lines: stored, stored before, or older than lines are kept.

    `flooded_count`: those that a flood has cost.
    """

    stored_count: int = 0
    repeated_count: int = 0
    expired_count: int = 0
    flooded_count: int = 0


class DeviceLogStore(Protocol):
    """Keeps the log lines of devices, each once, for some days."""

    async def append(
        self,
        start: Checkpoint,
        next_offset: int,
        batches: Sequence[LogBatch],
        letters: Sequence[DeadLetter],
    ) -> LogReport:
        """Store lines and dead letters and move the checkpoint, all in one transaction.

        Raises:
            ConflictError: the stored checkpoint is not `start`: another writer was here.
            RejectedByStoreError: the content itself was refused, nothing was stored.
            RefusedItemsError: these batches are of devices that are not let in.
            StoreUnavailableError: try again later; whether it was stored shows the checkpoint.
        """
        ...

    async def expire(self, now: datetime) -> int:
        """Drop the days that are no longer kept, and give their number; safe to repeat.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...
