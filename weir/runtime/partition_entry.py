"""What waits in a backlog: messages that are decoded already, and runs of those that are not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from weir.consumer import StreamMessage
from weir.ports import DeadLetter

Item = TypeVar("Item")


@dataclass(slots=True)
class Entry(Generic[Item]):
    """What became of a message of a stream: an item, or a dead letter.

    `routing_keys`: those of the messages that it was made of, where it stands for several;
    `message` is then the last one's.
    """

    message: StreamMessage
    item: Item | None
    letter: DeadLetter | None
    weight: int = 1
    routing_keys: Sequence[str] = ()

    @property
    def first_offset(self) -> int:
        """Give the offset of its message."""
        return self.message.offset

    @property
    def next_offset(self) -> int:
        """Give the offset behind its message."""
        return self.message.offset + 1

    @property
    def received_at_us(self) -> int:
        """Give the broker's time."""
        return self.message.received_at_us

    @property
    def byte_count(self) -> int:
        """Count the bytes that it keeps in memory."""
        return len(self.message.body)

    @property
    def message_count(self) -> int:
        """Count the messages: one."""
        return 1


@dataclass(slots=True)
class Run:
    """Neighbouring messages of a chunk as the stream stores them, decoded when they are committed.

    An object for each message would cost as much as its share of the commit.
    """

    first_offset: int
    received_at_us: int
    stored: list[bytes]
    byte_count: int

    @property
    def next_offset(self) -> int:
        """Give the offset behind its last message."""
        return self.first_offset + len(self.stored)

    @property
    def message_count(self) -> int:
        """Count the messages."""
        return len(self.stored)

    @property
    def weight(self) -> int:
        """Count the rows that they become: one each, as far as one can know."""
        return len(self.stored)

    def message(self, index: int) -> StreamMessage:
        """Give one of its messages."""
        offset = self.first_offset + index
        return StreamMessage(offset, "", self.stored[index], self.received_at_us)

    def cut(self, count: int) -> "tuple[Run, Run]":
        """Give its first `count` messages, and the others."""
        head, rest = self.stored[:count], self.stored[count:]
        head_bytes = sum(map(len, head))
        return (
            Run(self.first_offset, self.received_at_us, head, head_bytes),
            Run(self.first_offset + count, self.received_at_us, rest, self.byte_count - head_bytes),
        )


#: What a backlog is made of.
Piece: TypeAlias = Entry[Item] | Run
