"""A command on its way to a device, and what the device answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """A command as its device gets it, perhaps more than once: the id tells.

    After `expires_at` the device must not begin it any more.
    """

    command_id: str
    command: str
    parameters: Mapping[str, Any]
    requested_at: datetime
    expires_at: datetime


class ReplyStatus(StrEnum):
    """How far a device has come with a command."""

    #: It has it, and is about to carry it out; nobody needs to say it.
    RECEIVED = "received"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a device answers to a command.

    `error` explains `failed`; `replied_at`: by the device's clock, None: it did not say.
    """

    command_id: str
    status: ReplyStatus
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""
    replied_at: datetime | None = None


class CommandState(StrEnum):
    """How far a command has come; the last five are the end of it."""

    #: It waits to be published.
    REQUESTED = "requested"
    #: The broker has it for the device.
    SENT = "sent"
    #: The device has said that it has it.
    DELIVERED = "delivered"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    #: The device had it, and has not said in time what came of it.
    TIMED_OUT = "timed_out"
    #: Its time to live ended before the device said that it had it.
    EXPIRED = "expired"
    CANCELLED = "cancelled"


#: A command in one of these is still under way.
WAITING_STATES = frozenset({CommandState.REQUESTED, CommandState.SENT, CommandState.DELIVERED})
