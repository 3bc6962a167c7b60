"""Two workers on one partition at once, without claims: what one commits, the other does not."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
from structlog.testing import capture_logs

from consumers.measurements import Measurements
from tests.integration.runtime.pipeline import Pipeline, body
from weir.bootstrap import make_ports
from weir.clock import SystemClock
from weir.codec.telemetry import Storable
from weir.config import Settings
from weir.model.names import partition_streams
from weir.ports import AppendReport, Checkpoint, DeadLetter
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.pool import open_pool
from weir.rabbitmq.stream_ends import end_offset, first_offset
from weir.rabbitmq.stream_reader import open_stream
from weir.runtime.partition_worker import PartitionSource, PartitionWorker
from weir.testing.conditions import eventually
from weir.testing.running import running

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

(STREAM,) = partition_streams(1)
MESSAGE_COUNT = 300
READING_COUNT = 5


class Counting(Measurements):
    """Remembers what its commits did."""

    report = AppendReport()

    async def commit(
        self,
        start: Checkpoint,
        next_offset: int,
        items: Sequence[Storable],
        letters: Sequence[DeadLetter],
    ) -> AppendReport:
        report = await super().commit(start, next_offset, items, letters)
        self.report += report
        return report


async def test_two_workers_on_one_partition_never_commit_the_same_twice(pipeline: Pipeline) -> None:
    async with (
        open_pool(pipeline.database_url) as first_pool,
        open_pool(pipeline.database_url) as second_pool,
    ):
        pools = (first_pool, second_pool)
        rivals = [Counting(make_ports(Settings(), pool)) for pool in pools]
        workers = [
            PartitionWorker(
                rival,
                STREAM,
                PartitionSource(
                    partial(open_stream, pipeline.broker.stream_url),
                    partial(end_offset, pipeline.broker.stream_url),
                    partial(first_offset, pipeline.broker.stream_url),
                    PostgresCheckpointStore(pool),
                    SystemClock(),
                ),
            )
            for rival, pool in zip(rivals, pools, strict=True)
        ]
        with capture_logs() as logs:
            async with running(workers[0].run()), running(workers[1].run()):
                for sequence in range(MESSAGE_COUNT):
                    values = [float(sequence)] * READING_COUNT
                    await pipeline.publish(STREAM, body(sequence, values))
                await eventually(lambda: _has_read(pipeline))
                # Whoever was late has to find out before it is ended.
                await asyncio.gather(*(eventually(partial(bool, logs)) for _ in workers))

    assert MESSAGE_COUNT * READING_COUNT == await pipeline.count()
    reports = [rival.report for rival in rivals]
    assert MESSAGE_COUNT * READING_COUNT == sum(report.stored_count for report in reports)
    assert 0 == sum(report.repeated_count for report in reports)
    assert "ConflictError" in {entry.get("error_type") for entry in logs}


async def _has_read(pipeline: Pipeline) -> bool:
    return await pipeline.next_offset(STREAM) == MESSAGE_COUNT
