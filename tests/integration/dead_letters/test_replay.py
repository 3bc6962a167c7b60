"""Dead letters that are replayed: byte for byte, in order, each once; and what comes of it."""

import asyncio

import httpx
import pytest

from tests.integration.dead_letters.post_office import KEY, PostOffice
from tests.integration.runtime.pipeline import Pipeline, body
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

BODY = bytes(range(256))


async def test_a_letter_is_published_as_it_came(
    client: httpx.AsyncClient, post_office: PostOffice
) -> None:
    headers = {"x-death": [{"count": 1}], "CC": ["sensor.other.logs"], "trace": {"base64": "AP8="}}
    await post_office.keep(BODY, headers=headers)

    answer = await client.post("/v1/dead-letters/1/replay")

    assert {"dead_letter_id": 1, "state": "replayed"} == answer.json()
    (message,) = await post_office.published()
    assert (KEY, BODY, 2) == (message.routing_key, message.body, message.delivery_mode)
    assert {"trace": b"\x00\xff"} == message.headers
    shown = (await client.get("/v1/dead-letters/1")).json()
    assert ("replayed", True) == (shown["state"], shown["settled_at"] is not None)


async def test_what_can_be_decoded_by_now_is_stored_once(
    client: httpx.AsyncClient, pipeline: Pipeline, post_office: PostOffice
) -> None:
    await post_office.keep(body(1, [1.0, 2.0]))

    async with pipeline.worker():
        await client.post("/v1/dead-letters/1/replay")
        await eventually(lambda: stored(pipeline, 2))
        # As if the gateway had died between the broker's confirm and its own commit.
        await pipeline.pool.execute("UPDATE dead_letter SET state = 'kept'")
        await client.post("/v1/dead-letters/1/replay")
        await eventually(lambda: passed(pipeline, 2))

    assert 2 == await pipeline.count()
    assert ["replayed"] == await post_office.states()


async def test_what_is_rejected_again_comes_back_as_a_new_letter(
    client: httpx.AsyncClient, pipeline: Pipeline, post_office: PostOffice
) -> None:
    await post_office.keep(b"\xff", b"\xff")

    async with pipeline.worker():
        first = (await client.post("/v1/dead-letters/replay?limit=1")).json()
        await eventually(lambda: passed(pipeline, 1))
        cursor = first["next_cursor"]
        second = (await client.post(f"/v1/dead-letters/replay?limit=10&cursor={cursor}")).json()
        await eventually(lambda: passed(pipeline, 2))

    assert (1, 1) == (first["settled_count"], first["left_count"])
    assert {"settled_count": 1, "left_count": 0, "next_cursor": None} == second
    assert ["replayed", "replayed", "kept", "kept"] == await post_office.states()


async def test_a_round_goes_by_number_and_is_bounded(
    client: httpx.AsyncClient, post_office: PostOffice
) -> None:
    bodies = [f"{number}".encode() for number in range(100)]
    await post_office.keep(*bodies)

    answer = (await client.post("/v1/dead-letters/replay?limit=70")).json()

    assert (70, 30) == (answer["settled_count"], answer["left_count"])
    assert bodies[:70] == await post_office.published_bodies()
    rest = f"/v1/dead-letters/replay?cursor={answer['next_cursor']}"
    assert 30 == (await client.post(rest)).json()["settled_count"]
    assert bodies[70:] == await post_office.published_bodies()


async def test_two_replays_at_once_publish_each_letter_once(
    client: httpx.AsyncClient, post_office: PostOffice
) -> None:
    bodies = [f"{number}".encode() for number in range(200)]
    await post_office.keep(*bodies)

    answers = await asyncio.gather(*(client.post("/v1/dead-letters/replay") for _ in range(4)))

    assert 200 == sum(answer.json()["settled_count"] for answer in answers)
    assert sorted(bodies) == sorted(await post_office.published_bodies())


async def test_a_letter_that_is_being_replayed_is_left_alone(
    client: httpx.AsyncClient, pipeline: Pipeline, post_office: PostOffice
) -> None:
    await post_office.keep(BODY)
    async with pipeline.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM dead_letter FOR UPDATE")
        one = await client.post("/v1/dead-letters/1/replay")
        many = await client.post("/v1/dead-letters/replay")

    assert (409, "conflict") == (one.status_code, one.json()["code"])
    assert {"settled_count": 0, "left_count": 1, "next_cursor": None} == many.json()
    assert [] == await post_office.published()


@pytest.mark.parametrize(
    ("query", "states"),
    [
        ("reason=oversize", ["kept", "discarded", "kept"]),
        ("serial=crane-7", ["kept", "kept", "discarded"]),
        ("consumer=logs", ["kept", "kept", "kept"]),
        ("until=1h", ["kept", "kept", "kept"]),
        ("since=1h&until=now", ["discarded", "discarded", "discarded"]),
    ],
)
async def test_filters_choose_what_is_settled(
    client: httpx.AsyncClient, post_office: PostOffice, query: str, states: list[str]
) -> None:
    await post_office.keep(b"1")
    await post_office.keep(b"2", reason="oversize")
    await post_office.keep(b"3", serial="crane-7")

    counted = (await client.get(f"/v1/dead-letters/count?state=kept&{query}")).json()["count"]
    answer = (await client.post(f"/v1/dead-letters/discard?{query}")).json()

    assert states == await post_office.states()
    assert states.count("discarded") == answer["settled_count"] == counted
    assert [] == await post_office.published()


async def test_discarded_letters_are_still_there(
    client: httpx.AsyncClient, post_office: PostOffice
) -> None:
    await post_office.keep(BODY, b"2", b"3")

    await client.post("/v1/dead-letters/1/discard")
    answer = (await client.post("/v1/dead-letters/discard?limit=1")).json()

    assert (1, 1) == (answer["settled_count"], answer["left_count"])
    assert ["discarded", "discarded", "kept"] == await post_office.states()
    content = await client.get("/v1/dead-letters/1/body")
    assert (BODY, "application/octet-stream") == (content.content, content.headers["content-type"])


@pytest.mark.parametrize(
    ("key", "kind", "reason"),
    [
        (KEY, "measurements", None),
        ("sensor.pump-1.events", "events", "undecodable"),
        ("sensor.pump-1.songs", "songs", "unknown_type"),
        ("not a key", "", "wrong_serial"),
    ],
)
async def test_a_letter_is_decoded_by_the_present_decoders(
    client: httpx.AsyncClient,
    post_office: PostOffice,
    key: str,
    kind: str,
    reason: str | None,
) -> None:
    await post_office.keep(body(7, [1.5, 2.5]), routing_key=key)

    decoded = (await client.get("/v1/dead-letters/1/decoded")).json()

    assert kind == decoded["kind"]
    assert reason == (decoded["rejection"] and decoded["rejection"]["reason"])
    assert (0 if reason else 1) == decoded["row_count"] == len(decoded["rows"])


async def stored(pipeline: Pipeline, count: int) -> bool:
    return await pipeline.count() == count


async def passed(pipeline: Pipeline, message_count: int) -> bool:
    return await pipeline.next_offset(pipeline.streams[0]) >= message_count
