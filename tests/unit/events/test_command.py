"""A command ends once, whatever comes late, twice or out of order."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.errors import ConflictError
from weir.events.command import Command, CommandRequested, evolve
from weir.events.command_commands import Cancel, CheckDue, MarkSent, NoteReply, Step, decide
from weir.model.command import WAITING_STATES, CommandState, Reply, ReplyStatus
from weir.testing.clock import START

TTL = timedelta(hours=1)
TIMEOUT_S = 60.0
REQUESTED = evolve(
    Command(),
    CommandRequested(
        device_id=7,
        serial="crane-7",
        command="sleep",
        parameters={"duration_s": 5},
        at=START,
        expires_at=START + TTL,
        timeout_s=TIMEOUT_S,
    ),
)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def reply(status: ReplyStatus, seconds: float = 2, **fields: object) -> NoteReply:
    return NoteReply(at(seconds), Reply("id", status, **fields))  # type: ignore[arg-type]


RECEIVED = reply(ReplyStatus.RECEIVED)
SUCCEEDED = reply(ReplyStatus.SUCCEEDED, result={"slept_s": 5})
FAILED = reply(ReplyStatus.FAILED, error="no bed")
SENT = MarkSent(at(1), 1)
AFTER_ALL = CheckDue(START + TTL + timedelta(seconds=TIMEOUT_S))


def done(*steps: Step) -> tuple[Command, list[str]]:
    command, names = REQUESTED, []
    for step in steps:
        for event in decide(command, step):
            command = evolve(command, event)
            names.append(event.type.removeprefix("command_"))
    return command, names


@pytest.mark.parametrize(
    ("steps", "events"),
    [
        ([SENT, RECEIVED, SUCCEEDED], ["sent", "delivered", "succeeded"]),
        ([SENT, RECEIVED, FAILED], ["sent", "delivered", "failed"]),
        # A final reply says that the device has it, and any reply that it was sent.
        ([SENT, SUCCEEDED], ["sent", "delivered", "succeeded"]),
        ([SUCCEEDED, SENT], ["sent", "delivered", "succeeded"]),
        ([RECEIVED, SENT, SUCCEEDED], ["sent", "delivered", "succeeded"]),
        # Twice, and contradicting itself.
        (
            [SENT, RECEIVED, RECEIVED, SUCCEEDED, SUCCEEDED, FAILED],
            ["sent", "delivered", "succeeded"],
        ),
        ([SENT, SUCCEEDED, RECEIVED], ["sent", "delivered", "succeeded"]),
        # Sent again; the note of the first time comes late.
        ([SENT, MarkSent(at(9), 2), SENT, SUCCEEDED], ["sent", "sent", "delivered", "succeeded"]),
        ([SENT, SENT], ["sent"]),
        # Time.
        ([CheckDue(at(3_599))], []),
        ([CheckDue(at(3_600))], ["expired"]),
        ([SENT, CheckDue(at(3_659))], ["sent"]),
        ([SENT, CheckDue(at(3_660))], ["sent", "expired"]),
        ([SENT, RECEIVED, CheckDue(at(61))], ["sent", "delivered"]),
        ([SENT, RECEIVED, CheckDue(at(62))], ["sent", "delivered", "timed_out"]),
        ([SENT, SUCCEEDED, AFTER_ALL], ["sent", "delivered", "succeeded"]),
        # What comes late is kept as what it is, once.
        (
            [SENT, RECEIVED, CheckDue(at(62)), SUCCEEDED, SUCCEEDED, FAILED],
            ["sent", "delivered", "timed_out", "answered_late"],
        ),
        ([SENT, AFTER_ALL, RECEIVED, FAILED], ["sent", "expired", "answered_late"]),
        ([SENT, Cancel(at(2)), SUCCEEDED], ["sent", "cancelled", "answered_late"]),
        ([Cancel(at(2)), Cancel(at(3)), SENT], ["cancelled"]),
    ],
)
def test_each_step_becomes_an_event_when_it_says_something_new(
    steps: Sequence[Step], events: list[str]
) -> None:
    assert events == done(*steps)[1]


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([SENT, RECEIVED], "the device has it already"),
        ([SENT, SUCCEEDED], "it has ended already: succeeded"),
        ([AFTER_ALL], "it has ended already: expired"),
    ],
)
def test_what_the_device_has_cannot_be_cancelled(steps: Sequence[Step], reason: str) -> None:
    with pytest.raises(ConflictError, match=reason):
        done(*steps, Cancel(at(5)))


def test_the_state_after_a_late_answer_stays_and_tells_what_came_of_it() -> None:
    command, _ = done(SENT, RECEIVED, CheckDue(at(62)), reply(ReplyStatus.SUCCEEDED, 90))

    assert CommandState.TIMED_OUT is command.state
    assert ReplyStatus.SUCCEEDED is command.late_status
    assert at(90) == command.late_at
    assert at(62) == command.ended_at


def test_the_times_of_all_steps_are_kept() -> None:
    command, _ = done(SENT, RECEIVED, reply(ReplyStatus.SUCCEEDED, 4, result={"slept_s": 5}))

    assert (at(0), at(1), at(2), at(4)) == (
        command.requested_at,
        command.sent_at,
        command.delivered_at,
        command.ended_at,
    )
    assert {"slept_s": 5} == command.result
    assert command.due_at is None


def test_replies_in_any_order_end_it_the_same_way() -> None:
    steps: list[Step] = [SENT, RECEIVED, SUCCEEDED]
    for order in permutations(steps):
        assert ["sent", "delivered", "succeeded"] == done(*order)[1]


STEPS = st.one_of(
    st.builds(MarkSent, st.integers(0, 9_999).map(at), st.integers(1, 4)),
    st.builds(
        NoteReply,
        st.integers(0, 9_999).map(at),
        st.builds(Reply, st.just("id"), st.sampled_from(ReplyStatus)),
    ),
    st.builds(CheckDue, st.integers(0, 9_999).map(at)),
    st.builds(Cancel, st.integers(0, 9_999).map(at)),
)


@given(st.lists(STEPS, max_size=30))
def test_whatever_happens_it_ends_at_most_once_and_stays_ended(steps: list[Step]) -> None:
    command, ended_state = REQUESTED, None
    for step in steps:
        try:
            events = decide(command, step)
        except ConflictError:
            continue
        for event in events:
            command = evolve(command, event)
        if ended_state is not None:
            assert ended_state == command.state
        if command.state not in WAITING_STATES:
            ended_state = command.state
        assert (command.due_at is None) == (command.ended_at is not None)
    assert decide(command, CheckDue(at(99_999))) or not command.is_waiting
