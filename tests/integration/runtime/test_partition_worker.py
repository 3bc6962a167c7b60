"""From a real stream into a real database: exactly once, in any company."""

from functools import partial

import pytest

from consumers.aggregates import Aggregates
from tests.integration.runtime.pipeline import Pipeline, body
from weir.model.names import partition_streams
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

STREAM = partition_streams(1)[0]


async def test_what_is_published_is_stored_before_and_after_the_worker_starts(
    pipeline: Pipeline,
) -> None:
    await pipeline.publish(STREAM, body(1, [1.0, 2.0, 3.0]))
    async with pipeline.worker():
        await eventually(lambda: _is(pipeline.count, 3))
        await pipeline.publish(STREAM, body(2, [4.0]))
        await eventually(lambda: _is(pipeline.count, 4))

    rows = await pipeline.pool.fetch("SELECT value FROM reading ORDER BY observed_at")
    assert [1.0, 2.0, 3.0, 4.0] == [row["value"] for row in rows]


async def test_a_restarted_worker_goes_on_where_the_last_commit_was(pipeline: Pipeline) -> None:
    for sequence in range(1, 21):
        await pipeline.publish(STREAM, body(sequence, [float(sequence)]))
        if sequence % 5 == 0:
            async with pipeline.worker():
                await eventually(partial(_is, partial(pipeline.next_offset, STREAM), sequence))

    assert 20 == await pipeline.count()
    assert 0 == await pipeline.pool.fetchval("SELECT count(*) FROM dead_letter")


async def test_poison_is_kept_and_the_others_are_stored(pipeline: Pipeline) -> None:
    await pipeline.publish(STREAM, body(1, [1.0]))
    await pipeline.publish(STREAM, b"\xff\xff poison")
    await pipeline.publish(STREAM, body(2, [1.0], field_name="bad name!"))
    await pipeline.publish(STREAM, body(3, [1.0]), serial="_odd")
    await pipeline.publish(STREAM, body(4, [2.0]))

    async with pipeline.worker():
        await eventually(lambda: _is(lambda: pipeline.next_offset(STREAM), 5))

    assert 2 == await pipeline.count()
    rows = await pipeline.pool.fetch("SELECT * FROM dead_letter ORDER BY source_offset")
    assert [
        (1, "undecodable", "pump-1", b"\xff\xff poison"),
        (2, "implausible", "pump-1", body(2, [1.0], field_name="bad name!")),
        (3, "wrong_serial", None, body(3, [1.0])),
    ] == [(row["source_offset"], row["reason"], row["serial"], row["body"]) for row in rows]
    assert STREAM == rows[0]["source"]
    assert "sensor.pump-1.measurements" == rows[0]["routing_key"]


async def test_two_workers_share_the_partitions_and_one_takes_over(pipeline: Pipeline) -> None:
    await pipeline.declare("measurements.1", "measurements.2")
    async with pipeline.worker():
        async with pipeline.worker():
            await eventually(lambda: _holders(pipeline, [1, 2]))
            for stream in pipeline.streams:
                await pipeline.publish(stream, body(1, [1.0]), serial=f"dev-{stream[-1]}")
            await eventually(lambda: _is(pipeline.count, 3))
        await eventually(lambda: _holders(pipeline, [3]), timeout_s=5)
        for stream in pipeline.streams:
            await pipeline.publish(stream, body(2, [1.0]), serial=f"dev-{stream[-1]}")
        await eventually(lambda: _is(pipeline.count, 6))


async def test_a_worker_survives_the_loss_of_its_database_connections(pipeline: Pipeline) -> None:
    async with pipeline.worker():
        await pipeline.publish(STREAM, body(1, [1.0]))
        await eventually(lambda: _is(pipeline.count, 1))

        await pipeline.pool.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await pipeline.publish(STREAM, body(2, [1.0]))

        await eventually(lambda: _is(pipeline.count, 2))


async def test_minutes_follow_what_was_stored(pipeline: Pipeline) -> None:
    async with pipeline.worker(), pipeline.worker(Aggregates):
        await pipeline.publish(STREAM, body(1, [1.0, -2.0, 4.0]))
        await pipeline.publish(STREAM, b"poison")
        await eventually(lambda: _is(lambda: pipeline.next_offset(STREAM, "aggregates"), 2))

    rows = await pipeline.pool.fetch("SELECT * FROM rollup_minute ORDER BY bucket")
    assert 3 == sum(row["count"] for row in rows)
    assert 3.0 == sum(row["sum"] for row in rows)
    assert 21.0 == sum(row["sum_squares"] for row in rows)
    assert 5.0 == sum(row["sum_positive"] for row in rows)
    assert -2.0 == sum(row["sum_negative"] for row in rows)
    assert (1.0, 4.0) == (rows[0]["first_value"], rows[-1]["last_value"])
    assert 1 == await pipeline.pool.fetchval("SELECT count(*) FROM dead_letter")


async def test_a_stream_that_comes_later_is_waited_for(pipeline: Pipeline) -> None:
    pipeline.streams.append("measurements.9")
    async with pipeline.worker():
        await pipeline.publish(STREAM, body(1, [1.0]))
        await eventually(lambda: _is(pipeline.count, 1))
        await pipeline.declare("measurements.9")
        pipeline.streams.pop()
        await pipeline.publish("measurements.9", body(2, [1.0]))

        await eventually(lambda: _is(pipeline.count, 2))


async def test_a_stream_that_was_made_anew_is_read_from_its_beginning(pipeline: Pipeline) -> None:
    async with pipeline.worker():
        for sequence in range(1, 4):
            await pipeline.publish(STREAM, body(sequence, [1.0]))
        await eventually(lambda: _is(pipeline.count, 3))
    await pipeline.channel.queue_delete(STREAM)
    await pipeline.declare(STREAM)
    pipeline.streams.pop()

    async with pipeline.worker():
        await pipeline.publish(STREAM, body(4, [1.0]))
        await eventually(lambda: _is(pipeline.count, 4))
        await eventually(lambda: _is(lambda: pipeline.next_offset(STREAM), 1))


async def _is(value: object, expected: int) -> bool:
    assert callable(value)
    assert expected == await value()
    return True


async def _holders(pipeline: Pipeline, expected: list[int]) -> bool:
    """Whether the exclusive claims are spread over the workers' sessions as expected."""
    rows = await pipeline.pool.fetch(
        "SELECT count(*) AS held FROM pg_locks WHERE locktype = 'advisory'"
        " AND mode = 'ExclusiveLock' AND granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database()) GROUP BY pid"
    )
    return expected == sorted(row["held"] for row in rows)
