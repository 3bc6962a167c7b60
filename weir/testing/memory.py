"""Ports in memory: what the applications work on, for tests without a server."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from weir.consumer import Ports
from weir.control_ports import WantedConfiguration
from weir.errors import WeirError
from weir.model.announcement import Announcement
from weir.model.configuration import ReportedConfiguration, StateReport
from weir.model.device_log import LogBatch
from weir.model.presence import Presence, Watch
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


class MemoryPresenceStore:
    """States of devices in order, and scripted answers to the search for those that are gone."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, StateReport, datetime]] = []
        self.watches: list[Watch] = []
        self.has_candidates = False
        self.offsets: dict[str, int] = {}

    async def note_state(self, serial: str, report: StateReport, received_at: datetime) -> None:
        """Take note of what a device says."""
        self.reports.append((serial, report, received_at))

    async def find_come(self, now: datetime) -> int:  # noqa: ARG002
        """Find nobody."""
        return 0

    async def find_left(self, watch: Watch) -> int:
        """Remember what was asked."""
        self.watches.append(watch)
        return 1

    async def may_have_left(self, now: datetime) -> bool:  # noqa: ARG002
        """Tell what the test says."""
        return self.has_candidates

    async def count(self) -> dict[Presence, int]:
        """Count nobody."""
        return dict.fromkeys(Presence, 0)

    async def stored_offsets(self) -> dict[str, int]:
        """Tell what the test says."""
        return self.offsets


class MemoryConfigurationStore:
    """What is due as the test says, and what was asked, in order."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, ReportedConfiguration, datetime]] = []
        self.wanted: list[str] = []
        self.to_send: list[WantedConfiguration] = []
        self.sent: list[WantedConfiguration] = []

    async def note_report(self, serial: str, reported: ReportedConfiguration, at: datetime) -> None:
        """Take note of what a device runs."""
        self.reports.append((serial, reported, at))

    async def note_waiting(self, now: datetime) -> int:  # noqa: ARG002
        """Find nothing."""
        return 0

    async def want(self, serials: Sequence[str], now: datetime) -> None:  # noqa: ARG002
        """Remember who is to get something."""
        self.wanted += serials

    async def due(self, now: datetime) -> list[WantedConfiguration]:  # noqa: ARG002
        """Give what the test says, until it is sent."""
        return [each for each in self.to_send if each not in self.sent]

    async def note_sent(self, sent: Sequence[WantedConfiguration], now: datetime) -> None:  # noqa: ARG002
        """Remember what was sent."""
        self.sent += sent


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
        presence=MemoryPresenceStore(),
        configurations=MemoryConfigurationStore(),
        readings=unused,
        rollups=unused,
        retention=unused,
        sequences=unused,
        dead_letters=dead_letters or MemoryDeadLetterStore(),
        commands=unused,
        device_logs=unused,
        publisher=publisher or MemoryPublisher(),
        stream_ends=unused,
    )
