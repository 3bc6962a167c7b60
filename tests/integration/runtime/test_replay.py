"""Rebuilding what is stored from the streams, beside the live writer."""

import pytest

from consumers.measurements import Measurements
from tests.integration.runtime.pipeline import Pipeline, body
from weir import replays
from weir.config import Settings
from weir.errors import ConfigError, NotFoundError
from weir.model.names import partition_streams
from weir.runtime.replay import Progress, Span
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

STREAM = partition_streams(1)[0]


@pytest.fixture
async def settings(pipeline: Pipeline) -> Settings:
    """Publish twenty batches with poison and a repeat among them, and store them."""
    for sequence in range(1, 21):
        await pipeline.publish(STREAM, body(sequence, [1.0, float(sequence)]))
    await pipeline.publish(STREAM, b"poison")
    await pipeline.publish(STREAM, body(20, [5.0, 20.0]))
    async with pipeline.worker():
        await eventually(lambda: _stands_at(pipeline, 22))
    urls = {
        "WEIR_STREAM_URL": pipeline.broker.stream_url,
        "WEIR_POSTGRES_URL": pipeline.database_url,
    }
    return Settings.from_env(urls)


def plan(start: int) -> replays.Plan:
    return replays.Plan({STREAM: Span(start, 22)}, 0)


async def run(settings: Settings, wanted: replays.Plan, schema: str | None) -> list[Progress]:
    steps = replays.run(settings, Measurements, wanted, schema)
    return [progress async for progress in steps]


async def test_a_rebuild_beside_the_live_readings_equals_them(settings: Settings) -> None:
    steps = await run(settings, plan(0), "rebuilt")

    comparison = await replays.compare(settings, "rebuilt")
    assert steps[-1].is_complete
    assert comparison.live == comparison.replayed
    assert 40 == comparison.replayed["reading"].count
    assert 0 == comparison.difference_count


async def test_a_rebuild_in_place_brings_back_what_was_deleted_and_nothing_twice(
    pipeline: Pipeline, settings: Settings
) -> None:
    before = await pipeline.pool.fetch("SELECT * FROM reading ORDER BY series_id, observed_at")
    await pipeline.pool.execute("DELETE FROM reading WHERE value > 7")

    await run(settings, plan(0), None)

    after = await pipeline.pool.fetch("SELECT * FROM reading ORDER BY series_id, observed_at")
    assert before == after
    assert 1 == await pipeline.pool.fetchval("SELECT count(*) FROM dead_letter")
    assert 22 == await pipeline.next_offset(STREAM)


async def test_a_difference_is_found(pipeline: Pipeline, settings: Settings) -> None:
    await run(settings, plan(0), "rebuilt")
    await pipeline.pool.execute("UPDATE reading SET value = 99 WHERE value = 7")

    comparison = await replays.compare(settings, "rebuilt")

    assert 1 == comparison.difference_count
    assert comparison.live != comparison.replayed


async def test_a_part_of_the_past_is_rebuilt_alone(pipeline: Pipeline, settings: Settings) -> None:
    await run(settings, plan(15), "tail")

    assert 10 == (await replays.compare(settings, "tail")).replayed["reading"].count
    await replays.drop(settings, "tail")
    assert not await pipeline.pool.fetchval("SELECT 1 FROM pg_namespace WHERE nspname = 'tail'")


@pytest.mark.parametrize("name", ["public", "pg_temp", "a; drop", "Upper", ""])
async def test_no_schema_but_a_replays_is_touched(settings: Settings, name: str) -> None:
    with pytest.raises(ConfigError, match="name for a schema"):
        await run(settings, plan(0), name)
    with pytest.raises((ConfigError, NotFoundError)):
        await replays.drop(settings, name)


async def test_a_new_consumer_starts_where_it_is_told(
    pipeline: Pipeline, settings: Settings
) -> None:
    for start, offset in ((0, 0), (7, 7), (None, 22)):
        await replays.set_checkpoints(settings, "new", await replays.plan(settings, start))
        assert offset == await pipeline.next_offset(STREAM, "new")

    standings = await replays.standings(settings)
    assert [("measurements", 22, 0), ("new", 22, 0)] == [
        (standing.consumer, standing.next_offset, standing.lag_count) for standing in standings
    ]


async def _stands_at(pipeline: Pipeline, offset: int) -> bool:
    return offset == await pipeline.next_offset(STREAM)
