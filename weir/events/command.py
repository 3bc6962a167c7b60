"""The life of a command to a device, as events, and what they add up to.

`at` is Weir's time of a step. `command_commands` brings the events about.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field

from weir.events.event import DomainEvent
from weir.model.command import WAITING_STATES, CommandState, ReplyStatus

#: An entity of this kind has a command id (`weir.model.command_id`) as its id.
ENTITY = "command"


class CommandRequested(DomainEvent):
    """Somebody wants a device to do something.

    The device may begin until `expires_at`, and has `timeout_s` then to say what came of it.
    Commands that were requested together have one `group_id`.
    """

    type: ClassVar[str] = "command_requested"

    device_id: int
    serial: str
    command: str
    parameters: dict[str, Any]
    at: datetime
    expires_at: datetime
    timeout_s: float
    group_id: str | None = None


class CommandSent(DomainEvent):
    """The broker has a command for its device; `attempt` is 1 at the first time."""

    type: ClassVar[str] = "command_sent"

    at: datetime
    attempt: int


class CommandDelivered(DomainEvent):
    """A device has said that it has a command."""

    type: ClassVar[str] = "command_delivered"

    at: datetime


class CommandSucceeded(DomainEvent):
    """A device has carried a command out; `replied_at` is by its own clock, where it has one."""

    type: ClassVar[str] = "command_succeeded"

    at: datetime
    result: dict[str, Any] = Field(default_factory=dict)
    replied_at: datetime | None = None


class CommandFailed(DomainEvent):
    """A device has not carried a command out; `error` is what it says about it."""

    type: ClassVar[str] = "command_failed"

    at: datetime
    error: str
    result: dict[str, Any] = Field(default_factory=dict)
    replied_at: datetime | None = None


class CommandTimedOut(DomainEvent):
    """A device had a command, and has not said in time what came of it."""

    type: ClassVar[str] = "command_timed_out"

    at: datetime


class CommandExpired(DomainEvent):
    """A command's time to live ended before its device said that it had it."""

    type: ClassVar[str] = "command_expired"

    at: datetime


class CommandCancelled(DomainEvent):
    """A command is wanted no more; one that was sent may be carried out all the same.

    `reason`: why nobody had to ask for it; empty: somebody has.
    """

    type: ClassVar[str] = "command_cancelled"

    at: datetime
    reason: str = ""


class CommandAnsweredLate(DomainEvent):
    """A device has said what came of a command that had been given up: that stays given up."""

    type: ClassVar[str] = "command_answered_late"

    at: datetime
    status: ReplyStatus
    result: dict[str, Any] = Field(default_factory=dict)
    error: str = ""
    replied_at: datetime | None = None


class EndedCommandsDropped(DomainEvent):
    """Commands that had ended before an instant were dropped: their time to be kept was over."""

    type: ClassVar[str] = "ended_commands_dropped"

    ended_before: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Command:
    """What the events of one command add up to; `version` counts them.

    Attributes:
        attempt_count: how often it was sent.
        result: what the device says came of it, also where it said so too late.
        late_status: what it said when the command had been given up; None: it did not.
    """

    version: int = 0
    device_id: int = 0
    serial: str = ""
    command: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    state: CommandState | None = None
    requested_at: datetime | None = None
    expires_at: datetime | None = None
    timeout_s: float = 0.0
    group_id: str | None = None
    attempt_count: int = 0
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    ended_at: datetime | None = None
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    late_status: ReplyStatus | None = None
    late_at: datetime | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it is still under way."""
        return self.state in WAITING_STATES

    @property
    def due_at(self) -> datetime | None:
        """When nobody waits for it any more; None: it has ended.

        A device that was sent it may begin until it expires, and has its time then, whether or not
        it says first that it has it.
        """
        timeout = timedelta(seconds=self.timeout_s)
        match self.state, self.expires_at, self.delivered_at:
            case CommandState.REQUESTED, datetime() as expires_at, _:
                return expires_at
            case CommandState.SENT, datetime() as expires_at, _:
                return expires_at + timeout
            case CommandState.DELIVERED, _, datetime() as delivered_at:
                return delivered_at + timeout
            case _:
                return None


def evolve(command: Command, event: DomainEvent) -> Command:
    """Give the command after an event."""
    return replace(_changed(command, event), version=command.version + 1)


def _changed(command: Command, event: DomainEvent) -> Command:
    match event:
        case CommandRequested():
            return _requested(event)
        case CommandSent(at=at, attempt=attempt):
            return replace(command, state=CommandState.SENT, sent_at=at, attempt_count=attempt)
        case CommandDelivered(at=at):
            return replace(command, state=CommandState.DELIVERED, delivered_at=at)
        case CommandAnsweredLate():
            return replace(
                command,
                late_status=event.status,
                late_at=event.at,
                result=event.result,
                error=event.error,
            )
        case _:
            return _ended(command, event)


def _requested(event: CommandRequested) -> Command:
    return Command(
        device_id=event.device_id,
        serial=event.serial,
        command=event.command,
        parameters=event.parameters,
        state=CommandState.REQUESTED,
        requested_at=event.at,
        expires_at=event.expires_at,
        timeout_s=event.timeout_s,
        group_id=event.group_id,
    )


def _ended(command: Command, event: DomainEvent) -> Command:
    match event:
        case CommandSucceeded(at=at, result=result):
            return replace(command, state=CommandState.SUCCEEDED, ended_at=at, result=result)
        case CommandFailed(at=at, error=error, result=result):
            return replace(
                command, state=CommandState.FAILED, ended_at=at, error=error, result=result
            )
        case CommandTimedOut(at=at):
            return replace(command, state=CommandState.TIMED_OUT, ended_at=at)
        case CommandExpired(at=at):
            return replace(command, state=CommandState.EXPIRED, ended_at=at)
        case CommandCancelled(at=at, reason=reason):
            return replace(command, state=CommandState.CANCELLED, ended_at=at, error=reason)
        case _:
            return command
