"""What the control plane needs from the outside: who is there, and what runs on devices."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from weir.model.configuration import StateReport
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


class StreamEnds(Protocol):
    """Knows how far the measurement streams go."""

    async def __call__(self) -> Mapping[str, int]:
        """Tell of each stream the offset that its next message will have.

        Raises:
            BrokerUnavailableError: try again later.
        """
        ...
