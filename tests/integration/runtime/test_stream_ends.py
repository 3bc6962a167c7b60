"""Where a stream begins and ends, asked of a real broker."""

from datetime import timedelta

import pytest

from tests.integration.runtime.pipeline import Pipeline, body
from weir.clock import SystemClock
from weir.errors import BrokerUnavailableError
from weir.model.names import partition_streams
from weir.rabbitmq.stream_ends import end_offset, first_offset, offset_at

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

STREAM = partition_streams(1)[0]


async def test_an_empty_stream_has_no_first_message(pipeline: Pipeline) -> None:
    url = pipeline.broker.stream_url

    assert (None, 0) == (await first_offset(url, STREAM), await end_offset(url, STREAM))


async def test_the_ends_are_those_of_the_messages(pipeline: Pipeline) -> None:
    url = pipeline.broker.stream_url
    for sequence in range(1, 4):
        await pipeline.publish(STREAM, body(sequence, [1.0]))
    now = SystemClock().now()

    assert (0, 3) == (await first_offset(url, STREAM), await end_offset(url, STREAM))
    assert 0 == await offset_at(url, STREAM, now - timedelta(hours=1))


async def test_a_stream_that_is_not_there_says_so(pipeline: Pipeline) -> None:
    with pytest.raises(BrokerUnavailableError, match="nowhere"):
        await end_offset(pipeline.broker.stream_url, "nowhere")
