"""What the consumers of commands need from the outside, without saying who provides it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from weir.model.command import CommandMessage, CommandState, Reply


@dataclass(frozen=True, slots=True)
class SendableCommand:
    """A command that is to be published; `attempt` is 1 at the first time.

    `correlation_id`: of the request that has asked for it.
    """

    serial: str
    message: CommandMessage
    attempt: int
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class WaitingCommands:
    """How many commands are under way in a state, and since when the oldest of them is."""

    state: CommandState
    count: int
    oldest_requested_at: datetime


#: How many steps of each kind were journalled, by the name of the event.
StepCounts = Mapping[str, int]


class CommandStore(Protocol):
    """Keeps the commands to devices. Everything may be repeated; times are Weir's own."""

    async def take_requested(
        self, command_ids: Sequence[str], now: datetime
    ) -> Sequence[SendableCommand]:
        """Give those that still wait to be published, in the order in which they were requested.

        Those of devices that were shut out meanwhile are cancelled instead.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def find_left(self, now: datetime) -> Sequence[SendableCommand]:
        """Give the oldest of each device that should have been published and were refused.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def find_unheard(
        self, serials: Sequence[str], now: datetime
    ) -> Sequence[SendableCommand]:
        """Give what was sent to these devices and is not known to have reached them, in order.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def mark_sent(
        self, commands: Sequence[SendableCommand], now: datetime, causes: Mapping[str, int]
    ) -> StepCounts:
        """Note that the broker has them; `causes`: positions of the events that ask for it.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def note_reply(self, serial: str, reply: Reply, now: datetime) -> StepCounts:
        """Note what a device has answered.

        Raises:
            UnknownCommandError: there is no such command to this device.
            StoreUnavailableError: try again later.
        """
        ...

    async def cancel_waiting(
        self, serials: Sequence[str], reason: str, now: datetime
    ) -> StepCounts:
        """Cancel what has not reached these devices.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def expire_unsent(self, now: datetime) -> StepCounts:
        """End those that were never sent and must not be begun any more.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def has_overdue(self, now: datetime) -> bool:
        """Whether the time of some is over that were sent.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def end_overdue(self, now: datetime) -> StepCounts:
        """End those that were sent and whose time is over.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def drop_ended(self, now: datetime) -> int:
        """Drop what has ended longer ago than it is kept; gives how many.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...

    async def count_waiting(self) -> Sequence[WaitingCommands]:
        """Count what is under way.

        Raises:
            StoreUnavailableError: try again later.
        """
        ...
