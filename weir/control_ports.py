"""What the control plane needs from the outside: who is there, and what runs on devices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from weir.model.configuration import (
    ConfigurationMessage,
    ReportedConfiguration,
    StateReport,
)
from weir.model.presence import Presence, Watch


class PresenceStore(Protocol):
    """Keeps whether devices are there."""

    async def note_state(self, serial: str, report: StateReport, received_at: datetime) -> None:
        """Take note of what a device says of its connection; safe to repeat.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def find_come(self, now: datetime) -> int:
        """Note those that were heard of and were not there before; gives how many.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def find_left(self, watch: Watch) -> int:
        """Note those that are gone, or silent for too long; gives how many.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def may_have_left(self, now: datetime) -> bool:
        """Tell whether there is anything for `find_left` to look at.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def count(self) -> Mapping[Presence, int]:
        """Count the devices by whether they are there.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def stored_offsets(self) -> Mapping[str, int]:
        """Tell of each measurement stream up to which offset it is stored.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...


@dataclass(frozen=True, slots=True)
class WantedConfiguration:
    """A configuration that a device is to get; `occasion`: the last one to look at it."""

    device_id: int
    serial: str
    message: ConfigurationMessage
    occasion: int = 0


class ConfigurationStore(Protocol):
    """Keeps what is wanted of devices, and what they run."""

    async def note_report(self, serial: str, reported: ReportedConfiguration, at: datetime) -> None:
        """Take note of what a device runs; safe to repeat.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def note_waiting(self, now: datetime) -> int:
        """Take note of reports that came too soon after others; gives how many are left.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def want(self, serials: Sequence[str], now: datetime) -> None:
        """See to it that devices get what is wanted, where they lack it, and not too often.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def due(self, now: datetime) -> Sequence[WantedConfiguration]:
        """Give what is to be published now; a bounded number.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def note_sent(self, sent: Sequence[WantedConfiguration], now: datetime) -> None:
        """Take note of what the broker has for devices.

        Raises:
            StoreUnavailableError: try again later; it is published again.
        """
        ...


class StreamEnds(Protocol):
    """Knows how far the measurement streams go."""

    async def __call__(self) -> Mapping[str, int]:
        """Tell of each stream the offset that its next message will have.

        Raises:
            BrokerUnavailableError: try again later.
        """
        ...
