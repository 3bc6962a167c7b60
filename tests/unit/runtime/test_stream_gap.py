"""An offset without a message is no loss, messages that were dropped are: both are told apart."""

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from tests.unit.runtime.stage import Recorder, Stage
from weir.runtime.stream_gap import SEGMENT_RECORD_COUNT, count_dropped
from weir.testing.conditions import eventually
from weir.testing.running import running

STREAM = "work.0"


@pytest.mark.parametrize(
    ("wanted", "found", "oldest", "dropped_count"),
    [
        pytest.param(5, 5, 5, 0, id="nothing is missing"),
        pytest.param(5, 5 + SEGMENT_RECORD_COUNT, 5, 0, id="the end of a segment"),
        pytest.param(5, 6 + SEGMENT_RECORD_COUNT, 5, 0, id="records of the broker's own"),
        pytest.param(5, 105, 105, 100, id="dropped"),
        pytest.param(5, 105, 104, 99, id="dropped, and a record behind it"),
        pytest.param(5, 105, 300, 100, id="more is dropped meanwhile"),
        pytest.param(5, 105, None, 100, id="all is dropped meanwhile"),
    ],
)
async def test_only_what_was_dropped_counts(
    wanted: int, found: int, oldest: int | None, dropped_count: int
) -> None:
    async def first_offset(stream: str) -> int | None:
        assert stream == STREAM
        return oldest

    assert dropped_count == await count_dropped(first_offset, STREAM, wanted, found)


async def test_the_stream_is_not_asked_at_the_end_of_a_segment() -> None:
    async def first_offset(stream: str) -> int:
        raise AssertionError(stream)

    assert 0 == await count_dropped(first_offset, STREAM, 5, 5 + SEGMENT_RECORD_COUNT)


class Counted(Recorder):
    """Has a metric of its own."""

    name = "counted"
    missing = frozenset([0, *range(2, 11)])


async def test_a_worker_says_what_was_dropped_and_goes_on() -> None:
    stage, consumer = Stage(), Counted()
    stage.skip(SEGMENT_RECORD_COUNT)
    stage.add_message()
    stage.oldest_offset = 11
    stage.skip(9)
    stage.add_message()
    with capture_logs() as logs:
        async with running(stage.worker(consumer).run()):
            await eventually(lambda: sum(map(len, consumer.committed)) == 2)

    said = [entry for entry in logs if entry["event"] == "stream_truncated"]
    assert [(9, 2)] == [(entry["count"], entry["offset"]) for entry in said]
    labels = {"consumer": "counted"}
    assert 9 == REGISTRY.get_sample_value("weir_messages_lost_total", labels)
