"""Where a stream goes from one segment to the next, it leaves an offset out; nothing is lost."""

from functools import partial
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
COUNT = 15


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

    gaps = []
    read_count = wanted = 0
    async with open_stream(any_broker.stream_url, STREAM, 0) as reader:
        while read_count < COUNT:
            chunk = await reader.next_chunk()
            gaps.append(chunk.first_offset - wanted)
            wanted = chunk.first_offset + len(chunk.messages)
            read_count += len(chunk.messages)

    assert {0, SEGMENT_RECORD_COUNT} == set(gaps)
    assert wanted == await end_offset(any_broker.stream_url, STREAM)
    assert wanted == COUNT + sum(gaps)


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
