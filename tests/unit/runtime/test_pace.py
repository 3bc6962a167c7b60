"""A consumer with a pace stores what comes alone at once, and what trickles in together."""

from tests.unit.runtime.stage import Recorder, Stage
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
