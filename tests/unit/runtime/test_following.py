"""A projection that follows another one reads and commits nothing that the other has not passed."""

from tests.unit.runtime.stage import Recorder, Stage
from weir.testing.conditions import eventually
from weir.testing.running import running


class Follower(Recorder):
    """Builds on `leader`."""

    name = "follower"
    follows = "leader"


class IdleFollower(Follower):
    """Wants to be called when nothing comes."""

    idle_interval_s = 0.01


async def test_what_the_other_has_not_passed_is_left_for_the_next_commit() -> None:
    stage, follower = Stage(), Follower()
    stage.add_message()
    stage.add_message()
    async with running(stage.worker(follower).run()):
        await eventually(lambda: stage.asked_count > 1)
        assert 0 == follower.decoded_count

        stage.leader_offset = 1
        await eventually(lambda: follower.committed == [[0]])
        assert 1 == follower.decoded_count

        stage.leader_offset = 2
        await eventually(lambda: follower.committed == [[0], [1]])


async def test_an_offset_beyond_the_end_of_the_stream_holds_nothing_back() -> None:
    stage, follower = Stage(), Follower()
    stage.add_message()
    stage.leader_offset = 100
    async with running(stage.worker(follower).run()):
        await eventually(lambda: follower.committed == [[0]])

        stage.add_message()
        await eventually(lambda: follower.committed == [[0], [1]])


async def test_a_follower_is_called_when_nothing_comes() -> None:
    stage, follower = Stage(), IdleFollower()
    async with running(stage.worker(follower).run()):
        await eventually(lambda: follower.committed[:2] == [[], []])
