"""What a check has found."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it is with what was looked at, the worst last."""

    OK = "ok"
    #: It could not be looked at, for a reason that is no fault.
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, in a sentence, and the command that mends it.

    `check`: the name of the check, given by whoever runs it.
    """

    state: State
    subject: str
    message: str
    remedy: str = ""
    check: str = ""


def ok(subject: str, message: str) -> Finding:
    """Tell that something is as it should be."""
    return Finding(State.OK, subject, message)


def skipped(subject: str, message: str) -> Finding:
    """Tell that something was not looked at, and why."""
    return Finding(State.SKIPPED, subject, message)


def warning(subject: str, message: str, remedy: str) -> Finding:
    """Tell what is going to be wrong, or is and does no harm yet."""
    return Finding(State.WARNING, subject, message, remedy)


def failure(subject: str, message: str, remedy: str) -> Finding:
    """Tell what is wrong."""
    return Finding(State.FAILURE, subject, message, remedy)
