"""Starts, ends and waits between them, without a process or a second of waiting."""

import pytest

from weir.embedded.lifecycle import (
    RESTART_DELAY_S_BASE,
    RESTART_DELAY_S_MAX,
    STABLE_AFTER_S,
    START_TIMEOUT_S,
    Lifecycle,
    PartState,
)
from weir.testing.clock import ManualClock


def test_a_new_part_waits_and_is_due() -> None:
    part = Lifecycle()
    assert part.state is PartState.WAITING
    assert part.is_due(0.0)
    assert not part.is_up
    assert not part.is_running


def test_a_started_part_is_not_up_before_it_answers() -> None:
    part = Lifecycle()
    part.started(1.0)
    assert part.is_running
    assert not part.is_up
    assert not part.is_due(1.0)
    part.became_ready(2.0)
    assert part.is_up
    assert part.since == 2.0


def test_an_ended_part_is_started_again_after_the_shortest_wait() -> None:
    clock = ManualClock()
    part = Lifecycle()
    part.started(clock.monotonic())
    part.became_ready(clock.monotonic())
    part.ended(clock.monotonic(), -9)
    assert part.state is PartState.BACKING_OFF
    assert part.exit_code == -9
    clock.advance(RESTART_DELAY_S_BASE - 0.01)
    assert not part.is_due(clock.monotonic())
    clock.advance(0.01)
    assert part.is_due(clock.monotonic())
    assert part.restart_count == 0
    part.started(clock.monotonic())
    assert part.restart_count == 1


def test_each_end_that_follows_too_soon_doubles_the_wait_up_to_the_longest() -> None:
    part = Lifecycle()
    delays = []
    for _ in range(2_000):
        part.started(0.0)
        part.ended(0.0, 1)
        delays.append(part.restart_delay_s)
    assert delays[:4] == [0.5, 1.0, 2.0, 4.0]
    assert delays[-1] == RESTART_DELAY_S_MAX


@pytest.mark.parametrize(
    ("ready_s", "expected_s"),
    [(STABLE_AFTER_S, RESTART_DELAY_S_BASE), (STABLE_AFTER_S - 1, 4 * RESTART_DELAY_S_BASE)],
)
def test_only_a_stable_time_makes_the_wait_short_again(ready_s: float, expected_s: float) -> None:
    clock = ManualClock()
    part = Lifecycle()
    for _ in range(2):
        part.started(clock.monotonic())
        part.ended(clock.monotonic(), 1)
    part.started(clock.monotonic())
    part.became_ready(clock.monotonic())
    clock.advance(ready_s)
    part.ended(clock.monotonic(), 1)
    assert part.restart_delay_s == expected_s


def test_a_part_that_never_answers_becomes_overdue() -> None:
    part = Lifecycle()
    part.started(10.0)
    assert not part.is_overdue(10.0 + START_TIMEOUT_S)
    assert part.is_overdue(10.1 + START_TIMEOUT_S)
    part.became_ready(20.0)
    assert not part.is_overdue(1_000_000.0)


def test_a_task_that_exits_with_0_is_done_and_up() -> None:
    task = Lifecycle(is_task=True)
    task.started(0.0)
    task.ended(1.0, 0)
    assert task.state is PartState.DONE
    assert task.is_up
    assert not task.is_due(1_000_000.0)
    task.stopped(2.0)
    assert task.state is PartState.DONE


def test_a_task_that_fails_is_tried_again() -> None:
    task = Lifecycle(is_task=True)
    task.started(0.0)
    task.ended(1.0, 1)
    assert task.is_due(1.0 + RESTART_DELAY_S_BASE)


def test_a_part_that_should_run_for_ever_and_exits_with_0_is_started_again() -> None:
    part = Lifecycle()
    part.started(0.0)
    part.ended(1.0, 0)
    assert part.is_due(1.0 + RESTART_DELAY_S_BASE)


def test_a_stopped_part_is_never_due() -> None:
    part = Lifecycle()
    part.started(0.0)
    part.stopped(1.0)
    assert not part.is_due(1_000_000.0)
    assert not part.is_running
