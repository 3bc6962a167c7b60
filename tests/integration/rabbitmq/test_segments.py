"""Where a stream goes from one segment to the next, it leaves an offset out; nothing is lost."""

from functools import partial
from itertools import pairwise
from typing import Any

import aio_pika
import pytest

from tests.integration.rabbitmq.publishing import channel_to
from weir.rabbitmq.stream_ends import end_offset, first_offset
from weir.rabbitmq.stream_reader import open_stream
from weir.runtime.stream_gap import SEGMENT_RECORD_COUNT, count_dropped
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

pytestmark = pytest.mark.rabbitmq

STREAM = "segments.0"
SEGMENT_BYTES = 20_000
BODY = b"x" * 6_000
COUNT = 9


async def fill(broker: Broker, **bounds: Any) -> None:
    arguments = {
        "x-queue-type": "stream",
        "x-stream-max-segment-size-bytes": SEGMENT_BYTES,
        **bounds,
    }
    async with channel_to(broker.amqp_url) as channel:
        await channel.declare_queue(STREAM, durable=True, arguments=arguments)
        for _ in range(COUNT):
            await channel.default_exchange.publish(aio_pika.Message(BODY), STREAM)


async def test_a_segment_ends_with_an_offset_that_has_no_message(any_broker: Broker) -> None:
    await fill(any_broker)

    offsets = await offsets_of(any_broker.stream_url, 0)

    gaps = {after - before - 1 for before, after in pairwise(offsets)}
    assert {0, SEGMENT_RECORD_COUNT} == gaps
    assert offsets[-1] + 1 == await end_offset(any_broker.stream_url, STREAM)


async def test_what_a_stream_has_dropped_is_counted(any_broker: Broker) -> None:
    url = any_broker.stream_url
    await fill(any_broker, **{"x-max-length-bytes": SEGMENT_BYTES})

    async def is_shortened() -> bool:
        return bool(await first_offset(url, STREAM))

    await eventually(is_shortened)
    oldest = await first_offset(url, STREAM)
    assert oldest is not None
    async with open_stream(url, STREAM, 0) as reader:
        found = (await reader.next_chunk()).first_offset

    assert found >= oldest > SEGMENT_RECORD_COUNT
    assert found == await count_dropped(partial(first_offset, url), STREAM, 0, found)


async def test_a_reader_may_start_at_any_offset_also_where_there_is_no_message(
    any_broker: Broker,
) -> None:
    url = any_broker.stream_url
    await fill(any_broker)
    offsets = await offsets_of(url, 0)
    assert COUNT == len(offsets)

    for start in range(offsets[-1] + 1):
        wanted = [offset for offset in offsets if offset >= start]
        assert wanted == await offsets_of(url, start, len(wanted))


async def offsets_of(url: str, start: int, count: int = COUNT) -> list[int]:
    """Read so many messages, and give their offsets."""
    offsets: list[int] = []
    async with open_stream(url, STREAM, start) as reader:
        while len(offsets) < count:
            chunk = await reader.next_chunk()
            offsets += range(chunk.first_offset, chunk.first_offset + len(chunk.messages))
    return offsets
