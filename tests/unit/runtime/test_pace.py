"""A consumer with a pace stores what comes alone at once, and what trickles in together."""

import pytest

from tests.unit.runtime.stage import Recorder, Stage
from weir.runtime.pace import COMMIT_SHARE_MAX, PACE_MAX_S, Pace
from weir.runtime.partition_backlog import PLENTY_ROWS
from weir.testing.conditions import eventually
from weir.testing.running import running


class Patient(Recorder):
    """Would wait for as long as no test does."""

    name = "patient"
    pace_s = 600.0

    weight = 1

    def weigh(self, item: int) -> int:  # noqa: ARG002 - any message weighs the same
        return self.weight


class Brisk(Recorder):
    """Has a pace that a test can wait for."""

    name = "brisk"
    pace_s = 0.05


async def test_what_comes_alone_is_stored_at_once() -> None:
    stage, consumer = Stage(), Patient()
    async with running(stage.worker(consumer).run()):
        stage.add_message()
        await eventually(lambda: consumer.committed == [[0]])


async def test_what_comes_soon_after_a_commit_waits_until_it_is_plenty() -> None:
    stage, consumer = Stage(), Patient()
    async with running(stage.worker(consumer).run()):
        stage.add_message()
        await eventually(lambda: consumer.committed == [[0]])

        stage.add_message()
        stage.add_message()
        await eventually(lambda: consumer.decoded_count == 3)
        assert [[0]] == consumer.committed

        consumer.weight = PLENTY_ROWS
        stage.add_message()
        await eventually(lambda: consumer.committed == [[0], [1, 2, 3]])


async def test_what_waits_is_stored_when_the_pace_allows_it() -> None:
    stage, consumer = Stage(), Brisk()
    async with running(stage.worker(consumer).run()):
        stage.add_message()
        await eventually(lambda: consumer.committed == [[0]])
        stage.add_message()
        await eventually(lambda: consumer.committed == [[0], [1]])


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def paced(shortest_s: float, *durations_s: float) -> float:
    """Give how long to rest after commits that took so long, from the start of the last one."""
    hands = Hands()
    pace = Pace(shortest_s, hands)
    assert pace.rest_s == 0.0
    for duration_s in durations_s:
        pace.begin()
        hands.now_s += duration_s
        pace.end()
        last_s = duration_s
    return pace.rest_s + last_s


def test_quick_commits_keep_the_shortest_pace() -> None:
    assert 0.01 == pytest.approx(paced(0.01, *[0.001] * 50))


def test_slow_commits_take_their_share_of_the_time_and_no_more() -> None:
    assert 0.012 / COMMIT_SHARE_MAX == pytest.approx(paced(0.01, *[0.012] * 50), rel=0.01)


def test_no_commit_waits_longer_than_the_longest_pace() -> None:
    assert PACE_MAX_S == pytest.approx(paced(0.01, *[PACE_MAX_S - 0.001] * 50), rel=0.01)


def test_the_shortest_pace_counts_where_it_is_longer_than_the_longest() -> None:
    assert 600.0 == pytest.approx(paced(600.0, *[0.05] * 50))


def test_one_commit_that_was_held_up_says_little_however_long_it_was() -> None:
    assert paced(0.01, *[0.001] * 50, 60.0, 0.001) < 0.02


def test_without_a_pace_nothing_waits() -> None:
    assert 0.5 == paced(0.0, 0.5)
