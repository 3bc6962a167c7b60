"""Ports in memory: what the applications work on, for tests without a server."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from weir.consumer import Ports
from weir.errors import WeirError
from weir.model.announcement import Announcement
from weir.model.device_log import LogBatch
from weir.ports import DeadLetter, OutgoingMessage


class MemoryDeviceStore:
    """Devices by serial, as they announced themselves last."""

    def __init__(self) -> None:
        self.devices: dict[str, Announcement] = {}

    async def announce(self, announcement: Announcement, received_at: datetime) -> bool:  # noqa: ARG002
        """Enrol or update a device; safe to repeat. True when it was new."""
        is_new = announcement.serial not in self.devices
        self.devices[announcement.serial] = announcement
        return is_new


class MemoryDeadLetterStore:
    """Dead letters in order; the first calls raise `failures`, one each."""

    def __init__(self, failures: Iterable[WeirError] = ()) -> None:
        self.letters: list[DeadLetter] = []
        self._failures = iter(failures)

    async def keep(self, letter: DeadLetter) -> None:
        """Keep a message; the same one from the same offset is kept once."""
        for failure in self._failures:
            raise failure
        origin = (letter.consumer, letter.source, letter.source_offset)
        kept = {(item.consumer, item.source, item.source_offset) for item in self.letters}
        if letter.source_offset is None or origin not in kept:
            self.letters.append(letter)


class MemoryDeviceLogSink:
    """Log lines of devices, a batch after the other; the first calls raise `failures`, one each."""

    def __init__(self, failures: Iterable[WeirError] = ()) -> None:
        self.batches: list[LogBatch] = []
        self._failures = iter(failures)

    async def write(self, batches: Sequence[LogBatch]) -> None:
        """Append the lines."""
        for failure in self._failures:
            raise failure
        self.batches += batches


class MemoryPublisher:
    """Messages in the order of publishing; each call takes the next of `failures`, if there is one.

    A failure is that of the first message of its call; the others of the call are published.
    """

    def __init__(self, failures: Iterable[WeirError | None] = ()) -> None:
        self.messages: list[OutgoingMessage] = []
        self._failures = iter(failures)

    async def publish(self, messages: Sequence[OutgoingMessage]) -> list[WeirError | None]:
        """Publish in this order; give what went wrong with each."""
        failure = next(self._failures, None)
        self.messages += messages[failure is not None :]
        return [failure, *(None for _ in messages[1:])]


class UnusedPort:
    """Stands where a test needs nothing; using it is a failure of the test."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used without a store")


def memory_ports(
    dead_letters: MemoryDeadLetterStore | None = None, publisher: MemoryPublisher | None = None
) -> Ports:
    """Give ports for consumers of queues and of the journal; those of streams need a database."""
    unused: Any = UnusedPort()
    return Ports(
        devices=MemoryDeviceStore(),
        readings=unused,
        rollups=unused,
        retention=unused,
        sequences=unused,
        dead_letters=dead_letters or MemoryDeadLetterStore(),
        device_logs=unused,
        publisher=publisher or MemoryPublisher(),
    )
