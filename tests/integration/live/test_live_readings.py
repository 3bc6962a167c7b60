"""Live streams over a real log and writer: each reading once, late ones too, across anything."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from gateway.live.feed import LiveLimits
from tests.integration.live.listening import LiveGateway, open_gateway
from tests.integration.runtime.pipeline import START_US, Pipeline, body
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]


async def publish(pipeline: Pipeline, *values: float, serial: str = "pump-1", to: int = 0) -> None:
    """Publish each value as a message of its own; its value is its time."""
    for value in values:
        await pipeline.publish(pipeline.streams[to], body(int(value), [value]), serial)


async def test_readings_come_as_they_are_stored_late_ones_too(
    pipeline: Pipeline, gateway: LiveGateway
) -> None:
    await publish(pipeline, 1.0)
    async with pipeline.worker():
        await eventually(lambda: is_stored(pipeline, 1))
        async with gateway.listen(serial="pump-1") as listening:
            start = await listening.next_event()
            assert ("start", {"serials": ["pump-1"]}) == (start.name, start.data)
            await publish(pipeline, 9.0, serial="pump-2")
            await publish(pipeline, 5.0, 3.0)
            event = await listening.named("readings")
            assert "pump-1" == event.data["serial"]
            (reading,) = event.data["readings"]
            assert ("pressure", 5.0) == (reading["field"], reading["value"])
            await publish(pipeline, 4.0, to=1)
            assert [3.0, 4.0] == await listening.values(2)


async def is_stored(pipeline: Pipeline, count: int) -> bool:
    return await pipeline.count() >= count


async def test_nothing_is_shown_before_it_is_stored(
    pipeline: Pipeline, gateway: LiveGateway
) -> None:
    async with gateway.listen(serial="pump-1") as listening:
        await listening.next_event()
        await publish(pipeline, 1.0, 2.0)
        waiting = asyncio.ensure_future(listening.values(2))
        tap = gateway.feed._tap
        assert tap is not None
        await eventually(lambda: tap.windows[0].read_until == 2)
        assert not waiting.done()

        async with pipeline.worker():
            assert [1.0, 2.0] == await waiting


async def test_a_listener_that_comes_back_goes_on_without_a_gap_or_a_repetition(
    pipeline: Pipeline, gateway: LiveGateway
) -> None:
    async with pipeline.worker():
        async with gateway.listen(serial="pump-1") as listening:
            await listening.next_event()
            await publish(pipeline, 1.0, 2.0, 3.0)
            seen = await listening.values(2)
        # In between, nobody listens, and both partitions go on.
        await publish(pipeline, 4.0, 5.0)
        await publish(pipeline, 6.0, to=1)
        await eventually(lambda: is_stored(pipeline, 6))
        async with gateway.listen(serial="pump-1", last_id=listening.last_id) as again:
            await publish(pipeline, 7.0, to=1)
            seen += await again.values(5)

    assert [1.0, 2.0, 3.0, 4.0, 5.0] == [value for value in seen if value < 6.0]
    assert [6.0, 7.0] == [value for value in seen if value >= 6.0]


async def test_a_listener_may_come_back_in_the_middle_of_a_message(
    pipeline: Pipeline, gateway: LiveGateway
) -> None:
    many = [float(number) for number in range(1_234)]
    async with pipeline.worker():
        async with gateway.listen(serial="pump-1") as listening:
            await listening.next_event()
            await pipeline.publish(pipeline.streams[0], body(1, many))
            seen = await listening.values(500)
        assert "0.500,0" == listening.last_id
        async with gateway.listen(serial="pump-1", last_id=listening.last_id) as again:
            seen += await again.values(734)
            await publish(pipeline, 9_999.0)
            seen += await again.values(1)

    assert [*many, 9_999.0] == seen


async def test_only_the_fields_that_are_asked_for_come(
    pipeline: Pipeline, gateway: LiveGateway
) -> None:
    times = [START_US, START_US + 1]
    fields = [FieldReadings(name, times, [1.0, 2.0], "bar") for name in ("a", "b", "c")]
    content = encode_measurements(BatchHeader(is_correction=True), fields)
    await pipeline.publish(pipeline.streams[0], content)
    async with pipeline.worker():
        await eventually(lambda: is_stored(pipeline, 6))
        async with gateway.listen(serial="pump-1", field=["a", "c"], last_id="0") as listening:
            event = await listening.named("readings")

    assert [("a", "bar"), ("a", "bar"), ("c", "bar"), ("c", "bar")] == [
        (reading["field"], reading["unit"]) for reading in event.data["readings"]
    ]
    assert event.data["is_correction"]


async def test_what_is_rejected_or_waits_for_approval_is_not_shown(
    pipeline: Pipeline, gateway: LiveGateway
) -> None:
    await pipeline.pool.execute("UPDATE device SET state = 'pending' WHERE serial = 'pump-2'")
    async with pipeline.worker(), gateway.listen(serial=["pump-1", "pump-2"]) as listening:
        await listening.next_event()
        await pipeline.publish(pipeline.streams[0], b"\xff")
        await publish(pipeline, 1.0, serial="pump-2")
        await publish(pipeline, 2.0)
        assert [2.0] == await listening.values(1)

        await pipeline.pool.execute("UPDATE device SET state = 'active'")
        await publish(pipeline, 3.0, serial="pump-2")
        assert [3.0] == await listening.values(1)


async def test_silence_has_heartbeats_whose_ids_move_on(pipeline: Pipeline) -> None:
    async with (
        pipeline.worker(),
        open_gateway(pipeline, LiveLimits(heartbeat_s=0.2)) as gateway,
        gateway.listen(serial="pump-1") as listening,
    ):
        await listening.next_event()
        await publish(pipeline, 1.0, 2.0, serial="pump-2")

        async def moved_on() -> bool:
            event = await listening.next_event()
            return event.name == "" and event.event_id == "2,0"

        assert await eventually(moved_on)


async def test_all_streams_share_one_reader_that_ends_with_the_last(
    pipeline: Pipeline, gateway: LiveGateway
) -> None:
    async with pipeline.worker(), AsyncExitStack() as stack:
        listeners = [
            await stack.enter_async_context(gateway.listen(serial="pump-1")) for _ in range(5)
        ]
        for listening in listeners:
            await listening.next_event()
        taps = {id(each.tap) for each in gateway.feed._subscriptions}
        assert (5, 1) == (len(gateway.feed._subscriptions), len(taps))
        await publish(pipeline, 1.0)
        assert [[1.0]] * 5 == [await listening.values(1) for listening in listeners]

    await eventually(lambda: not gateway.feed._subscriptions)
    assert gateway.feed._tap is None
