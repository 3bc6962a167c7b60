"""What waits in the spool: messages as they go to the broker, and what is told when one is lost."""

from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """What is dropped first when the spool is full: the lowest, and of equals the oldest."""

    LOG = 0
    READING = 1
    #: Device events, announcements, states, replies: few, and not to be measured again.
    NEWS = 2


_PRIORITIES = {
    "logs": Priority.LOG,
    "measurements": Priority.READING,
    "locations": Priority.READING,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One publish of one device.

    Attributes:
        kind: what it is about: `measurements`, `replies/ping` and so on.
        first_us, last_us: instants of its first and last reading, for the account of a gap.
        count: readings, or log lines and so on.
        epoch: of the clock that gave the instants, while it is not known how wrong it is; 0: it is
            right.
    """

    serial: str
    kind: str
    body: bytes
    first_us: int = 0
    last_us: int = 0
    count: int = 1
    epoch: int = 0

    @property
    def priority(self) -> Priority:
        """Tell how important the message is."""
        return _PRIORITIES.get(self.kind, Priority.NEWS)


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages of one device and kind that are lost, with the bounds of what was in them."""

    serial: str
    kind: str
    first_us: int
    last_us: int
    message_count: int
    count: int

    def merge(self, other: "Gap") -> "Gap":
        """Give the gap that covers both."""
        return Gap(
            self.serial,
            self.kind,
            min(self.first_us, other.first_us),
            max(self.last_us, other.last_us),
            self.message_count + other.message_count,
            self.count + other.count,
        )


def gap_of(message: Message) -> Gap:
    """Give the gap that the loss of one message makes."""
    return Gap(message.serial, message.kind, message.first_us, message.last_us, 1, message.count)
