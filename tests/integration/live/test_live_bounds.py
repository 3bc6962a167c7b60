"""What ends a live stream, what is refused, and how much memory a slow reader takes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from gateway.live.feed import LiveLimits
from tests.integration.live.listening import TIMEOUT_S, TOKEN, LiveGateway, open_gateway
from tests.integration.runtime.pipeline import Pipeline, body
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

#: Readings of one message: some 500 KB as events. All messages are more than sockets hold.
MANY = [float(number) for number in range(5_000)]
MESSAGES = 40
WINDOW_BYTES = 120_000
#: What the broker had put together when the last one came.
CHUNK_BYTES = 60_000


@pytest.mark.parametrize(
    ("query", "last_id", "status", "words"),
    [
        ({}, None, 422, "query.serial: Field required"),
        ({"serial": "nobody"}, None, 404, "no device has the serial 'nobody'"),
        ({"serial": "pump-1", "field": "x"}, None, 404, "none of these devices has a field 'x'"),
        ({"serial": ["p"] * 101}, None, 422, "query.serial: List should have at most 100 items"),
        ({"serial": "pump-1", "since": "1h"}, None, 422, "query.since"),
        ({"serial": "pump-1"}, "five", 422, "give back the id of the last event, unchanged"),
        ({"serial": "pump-1"}, "0,0,0", 422, "of an installation with more partitions"),
        ({"serial": "pump-1"}, "99,0", 422, "ahead of what is stored"),
        ({"serial": "pump-1"}, "0," * 1_500, 422, "at most 2000 characters"),
    ],
)
async def test_what_cannot_be_followed_is_refused(
    gateway: LiveGateway, query: dict[str, object], last_id: str | None, status: int, words: str
) -> None:
    answer = await gateway.refusal(last_id=last_id, **query)

    assert (status, True) == (answer[0], words in answer[1]), answer
    assert not gateway.feed._subscriptions


async def test_a_gateway_without_a_log_says_so(gateway: LiveGateway) -> None:
    gateway.feed.stream_url = None

    status, detail = await gateway.refusal(serial="pump-1")

    assert (503, True) == (status, "WEIR_STREAM_URL" in detail)


async def test_more_listeners_than_there_are_places_are_sent_away(pipeline: Pipeline) -> None:
    async with open_gateway(pipeline, LiveLimits(listeners_max=1)) as gateway:
        async with gateway.listen(serial="pump-1") as listening:
            await listening.next_event()
            status, detail = await gateway.refusal(serial="pump-1")
            assert (429, True) == (status, "1 live streams are open" in detail)

        await eventually(lambda: not gateway.feed._subscriptions)
        async with gateway.listen(serial="pump-1") as listening:
            assert "start" == (await listening.next_event()).name


async def test_going_on_from_too_far_back_is_refused(pipeline: Pipeline) -> None:
    async with (
        pipeline.worker(),
        open_gateway(pipeline, LiveLimits(resume_messages_max=2)) as gateway,
    ):
        for number in range(3):
            await pipeline.publish(pipeline.streams[0], body(number, [1.0]))
        await eventually(lambda: has_stored(pipeline, 3))
        status, detail = await gateway.refusal(serial="pump-1", last_id="0,0")
        assert (422, True) == (status, "3 messages ago, at most 2" in detail)
        async with gateway.listen(serial="pump-1", last_id="1,0") as listening:
            assert 2 == len(await listening.values(2))


async def has_stored(pipeline: Pipeline, count: int) -> bool:
    return await pipeline.count() >= count


async def test_a_stream_is_renewed_after_its_lifetime(pipeline: Pipeline) -> None:
    async with (
        open_gateway(pipeline, LiveLimits(lifetime_s=0.0)) as gateway,
        gateway.listen(serial="pump-1") as listening,
    ):
        assert "renewal" == (await listening.named("end")).data["reason"]
        with pytest.raises(StopAsyncIteration):
            await listening.next_event()


async def test_streams_end_with_a_reason_when_the_gateway_stops(pipeline: Pipeline) -> None:
    async with open_gateway(pipeline) as gateway, gateway.listen(serial="pump-1") as listening:
        await listening.next_event()
        gateway.feed.close()
        assert "shutting_down" == (await listening.named("end")).data["reason"]


async def test_a_stream_ends_when_its_token_is_revoked(pipeline: Pipeline) -> None:
    limits = LiveLimits(heartbeat_s=0.1, recheck_s=0.1)
    async with (
        open_gateway(pipeline, limits) as gateway,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{gateway.port}",
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as admin,
    ):
        await admin.post("/v1/users", json={"name": "anna", "roles": {"default": "viewer"}})
        made = await admin.post("/v1/tokens", json={"name": "screen", "owner": "anna"})
        assert 201 == made.status_code, made.text
        token = made.json()["token"]
        async with gateway.listen(serial="pump-1", token=token) as listening:
            for _ in range(3):
                # The start, and comments beyond the first look at the token.
                await listening.next_event()
            revoked = await admin.delete(f"/v1/tokens/{made.json()['token_id']}")
            assert 204 == revoked.status_code, revoked.text
            assert "access_ended" == (await listening.named("end")).data["reason"]
            with pytest.raises(StopAsyncIteration):
                await listening.next_event()


@asynccontextmanager
async def connected(gateway: LiveGateway) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for a live stream, and take of it only what is asked for."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(
        b"GET /v1/live/readings?serial=pump-1 HTTP/1.1\r\nHost: gateway\r\n"
        b"Connection: close\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n"
    )
    try:
        await eventually(lambda: len(gateway.feed._subscriptions) == 1)
        yield reader
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_slow_reader_is_cut_off_with_a_reason_and_can_go_on(pipeline: Pipeline) -> None:
    limits = LiveLimits(window_bytes_max=WINDOW_BYTES)
    async with pipeline.worker(), open_gateway(pipeline, limits) as gateway:
        async with connected(gateway) as reader:
            tap = gateway.feed._tap
            assert tap is not None
            for number in range(MESSAGES):
                await pipeline.publish(pipeline.streams[0], body(number * 10, MANY))
            await eventually(lambda: has_stored(pipeline, MESSAGES * len(MANY)))
            # What waits for it is bounded, whatever has come meanwhile.
            assert sum(window._size_bytes for window in tap.windows) <= WINDOW_BYTES + CHUNK_BYTES
            async with asyncio.timeout(TIMEOUT_S):
                text = (await reader.read(-1)).decode()

        assert '"reason":"too_slow"' in text
        last_id = text.rpartition("\nid: ")[2].partition("\n")[0]
        rest_count = MESSAGES * len(MANY) - text.count('"value"')
        assert 0 < rest_count < MESSAGES * len(MANY)
        async with gateway.listen(serial="pump-1", last_id=last_id) as again:
            assert rest_count == len(await again.values(rest_count))


async def test_a_reader_that_takes_nothing_loses_its_place(pipeline: Pipeline) -> None:
    limits = LiveLimits(patience_s=0.3)
    async with (
        pipeline.worker(),
        open_gateway(pipeline, limits) as gateway,
        connected(gateway),
    ):
        for number in range(MESSAGES):
            await pipeline.publish(pipeline.streams[0], body(number * 10, MANY))
        await eventually(lambda: not gateway.feed._subscriptions)
