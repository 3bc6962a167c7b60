"""The latest messages of one partition, in bounded memory, and how far of them is stored."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from weir.errors import DecodeError, WrongSerialError
from weir.model.names import split_key
from weir.rabbitmq.amqp10 import split_message
from weir.rabbitmq.stream_client import Chunk

#: What a live stream of readings is made of.
_KINDS = frozenset({"measurements", "measurements.json"})
#: What Python needs for a message beside its body.
_OVERHEAD_BYTES = 300


@dataclass(slots=True)
class Message:
    """One publish of one device, not decoded yet; not frozen, as every message becomes one."""

    offset: int
    serial: str
    kind: str
    body: bytes
    received_at_us: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Neighbouring messages of a partition, by serial; other kinds of messages are left out."""

    first_offset: int
    next_offset: int
    messages: Mapping[str, Sequence[Message]]
    size_bytes: int


def slice_of(chunk: Chunk) -> Slice:
    """Sort the messages of a chunk; what has no device's routing key is a dead letter elsewhere."""
    messages: dict[str, list[Message]] = {}
    size_bytes = _OVERHEAD_BYTES
    for offset, raw in enumerate(chunk.messages, start=chunk.first_offset):
        try:
            routing_key, body = split_message(raw)
            serial, kind = split_key(routing_key)
        except (DecodeError, WrongSerialError):
            continue
        if kind in _KINDS:
            message = Message(offset, serial, kind, body, chunk.received_at_us)
            messages.setdefault(serial, []).append(message)
            size_bytes += len(body) + _OVERHEAD_BYTES
    next_offset = chunk.first_offset + len(chunk.messages)
    return Slice(chunk.first_offset, next_offset, messages, size_bytes)


class Window:
    """Grows at its end as the log does, and loses its beginning; what is not stored is kept.

    Attributes:
        stream: the partition.
        start: the first offset that is held.
        read_until: the offset that is to be read next.
        stored_until: what is below it is in the database.
    """

    def __init__(self, stream: str, start: int, bytes_max: int) -> None:
        self.stream = stream
        self.start = start
        self.read_until = start
        self.stored_until = start
        self._given_until = start
        self._bytes_max = bytes_max
        self._slices: deque[Slice] = deque()
        self._size_bytes = 0

    @property
    def awaits_storage(self) -> bool:
        """Whether something was read that is not stored yet."""
        return self.stored_until < self.read_until

    @property
    def is_full(self) -> bool:
        """Whether nothing may be read before more is stored.

        Half of the memory is for that: the other half keeps what listeners were given last, until
        they have had a turn.
        """
        unstored_bytes = 0
        for part in reversed(self._slices):
            if part.next_offset <= self.stored_until:
                break
            unstored_bytes += part.size_bytes
        return unstored_bytes > self._bytes_max // 2

    def add(self, part: Slice) -> None:
        """Take what comes next in the log."""
        self._slices.append(part)
        self._size_bytes += part.size_bytes
        self.read_until = part.next_offset
        self._forget()

    def note_stored(self, until: int) -> bool:
        """Note how far the database is; True when there is more to give than the last time."""
        self.stored_until = max(self.stored_until, until)
        before, self._given_until = self._given_until, min(self.stored_until, self.read_until)
        return self._given_until > before

    def slice_at(self, offset: int) -> Slice | None:
        """Give the slice that a listener reads next; None when there is nothing stored for it."""
        found = None
        # Listeners are near the end, where it is found at once.
        for part in reversed(self._slices):
            if part.next_offset <= offset:
                break
            found = part
        if found is None or found.first_offset >= self.stored_until:
            return None
        return found

    def _forget(self) -> None:
        # The newest one stays, whatever its size: those who follow closely must find it.
        while self._size_bytes > self._bytes_max and len(self._slices) > 1:
            oldest = self._slices[0]
            if oldest.next_offset > self.stored_until:
                return
            self._slices.popleft()
            self._size_bytes -= oldest.size_bytes
            self.start = oldest.next_offset
