"""What may become of a command to a device, and which events that brings about. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from weir.errors import ConflictError
from weir.events.command import (
    Command,
    CommandAnsweredLate,
    CommandCancelled,
    CommandDelivered,
    CommandExpired,
    CommandFailed,
    CommandSent,
    CommandSucceeded,
    CommandTimedOut,
)
from weir.events.event import DomainEvent
from weir.model.command import CommandState, Reply, ReplyStatus

#: Given up without a word from the device, which may still come.
_GIVEN_UP = frozenset({CommandState.TIMED_OUT, CommandState.EXPIRED, CommandState.CANCELLED})


@dataclass(frozen=True, slots=True)
class MarkSent:
    """The broker has it, for the `attempt`th time."""

    at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class NoteReply:
    """Its device has answered."""

    at: datetime
    reply: Reply


@dataclass(frozen=True, slots=True)
class CheckDue:
    """See whether somebody still waits for it."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Cancel:
    """It is wanted no more; `reason`: why nobody had to ask."""

    at: datetime
    reason: str = ""


Step = MarkSent | NoteReply | CheckDue | Cancel


def decide(command: Command, step: Step) -> list[DomainEvent]:
    """Choose the events that a step brings about; none when it says nothing new.

    Steps may come late, twice and out of order: only what is not known yet becomes an event.

    Raises:
        ConflictError: it cannot be cancelled any more; the message says why.
    """
    match step:
        case MarkSent(at, attempt):
            can_be_sent = command.state in {CommandState.REQUESTED, CommandState.SENT}
            is_new = can_be_sent and attempt > command.attempt_count
            return [CommandSent(at=at, attempt=attempt)] if is_new else []
        case NoteReply(at, reply):
            return _note_reply(command, at, reply)
        case CheckDue(at):
            return _check_due(command, at)
        case Cancel(at, reason):
            return _cancel(command, at, reason)
        case _:
            assert_never(step)


def _note_reply(command: Command, at: datetime, reply: Reply) -> list[DomainEvent]:
    is_final = reply.status is not ReplyStatus.RECEIVED
    if command.state in _GIVEN_UP:
        is_new = is_final and command.late_status is None
        return [_answered_late(at, reply)] if is_new else []
    if not command.is_waiting:
        # After a final reply nothing follows, whatever it says.
        return []
    events: list[DomainEvent] = []
    # The reply can be faster than the note that the broker has the command, which is then implied.
    if command.state is CommandState.REQUESTED:
        events.append(CommandSent(at=at, attempt=command.attempt_count + 1))
    if command.state is not CommandState.DELIVERED:
        events.append(CommandDelivered(at=at))
    if is_final:
        events.append(_answered(at, reply))
    return events


def _answered(at: datetime, reply: Reply) -> DomainEvent:
    result = dict(reply.result)
    if reply.status is ReplyStatus.SUCCEEDED:
        return CommandSucceeded(at=at, result=result, replied_at=reply.replied_at)
    return CommandFailed(at=at, error=reply.error, result=result, replied_at=reply.replied_at)


def _answered_late(at: datetime, reply: Reply) -> DomainEvent:
    return CommandAnsweredLate(
        at=at,
        status=reply.status,
        result=dict(reply.result),
        error=reply.error,
        replied_at=reply.replied_at,
    )


def _check_due(command: Command, at: datetime) -> list[DomainEvent]:
    if command.due_at is None or at < command.due_at:
        return []
    if command.state is CommandState.DELIVERED:
        return [CommandTimedOut(at=at)]
    return [CommandExpired(at=at)]


def _cancel(command: Command, at: datetime, reason: str) -> list[DomainEvent]:
    match command.state:
        case CommandState.REQUESTED | CommandState.SENT:
            return [CommandCancelled(at=at, reason=reason)]
        case CommandState.CANCELLED:
            return []
        case CommandState.DELIVERED:
            raise ConflictError("the device has it already: it cannot be cancelled any more")
        case _:
            raise ConflictError(f"it has ended already: {command.state}")
