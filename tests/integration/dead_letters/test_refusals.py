"""What cannot be settled, and a broker that is not there: said as problems, nothing lost."""

from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.context import Context
from tests.integration.dead_letters.post_office import PostOffice, ask_gateway
from tests.integration.mqtt.proxy import Link, open_link
from tests.integration.runtime.pipeline import Pipeline
from weir.clock import SystemClock
from weir.model.names import UNROUTABLE_EXCHANGE
from weir.rabbitmq.republisher import open_republisher
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

NOWHERE = "amqp://nobody:secret-of-nobody@127.0.0.1:1/"
VERBS = ["1/replay", "replay"]


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (status, code) == (answer.status_code, answer.json()["code"]), answer.text
    assert "application/problem+json" == answer.headers["content-type"]
    assert "secret" not in answer.text
    assert "127.0.0.1" not in answer.text


@pytest.fixture
async def link(pipeline: Pipeline) -> AsyncIterator[Link]:
    async with open_link(pipeline.broker.amqp_url) as link:
        yield link


@pytest.fixture
async def linked_client(pipeline: Pipeline, link: Link) -> AsyncIterator[httpx.AsyncClient]:
    """Give a gateway whose way to the broker can be cut."""
    async with open_republisher(link.url) as republisher:
        context = Context(pipeline.pool, SystemClock(), "token", republisher)
        async with ask_gateway(context) as client:
            yield client


@pytest.mark.parametrize("verb", ["replay", "discard"])
async def test_a_letter_that_is_not_there_is_not_found(
    client: httpx.AsyncClient, verb: str
) -> None:
    assert_problem(await client.post(f"/v1/dead-letters/1/{verb}"), 404, "not_found")
    assert_problem(await client.post(f"/v1/dead-letters/0/{verb}"), 422, "invalid_request")


@pytest.mark.parametrize("verb", ["replay", "discard"])
@pytest.mark.parametrize("before", ["replay", "discard"])
async def test_a_letter_is_settled_once(
    client: httpx.AsyncClient, post_office: PostOffice, before: str, verb: str
) -> None:
    await post_office.keep(b"1")
    await client.post(f"/v1/dead-letters/1/{before}")

    assert_problem(await client.post(f"/v1/dead-letters/1/{verb}"), 409, "conflict")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "since=soon", "cursor=AAAA", "state=x"])
async def test_a_round_has_bounds(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.post(f"/v1/dead-letters/discard?{query}")

    assert_problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("url", "code"), [(None, "not_configured"), (NOWHERE, "broker_unavailable")]
)
async def test_without_a_broker_letters_stay_kept(
    pipeline: Pipeline, post_office: PostOffice, url: str | None, code: str, verb: str
) -> None:
    await post_office.keep(b"1")
    async with open_republisher(url) as republisher:
        context = Context(pipeline.pool, SystemClock(), "token", republisher)
        async with ask_gateway(context) as client:
            assert_problem(await client.post(f"/v1/dead-letters/{verb}"), 503, code)
            assert 200 == (await client.post("/v1/dead-letters/discard?limit=1")).status_code


@pytest.mark.parametrize("verb", VERBS)
async def test_a_broker_that_comes_back_is_used_again(
    linked_client: httpx.AsyncClient, link: Link, post_office: PostOffice, verb: str
) -> None:
    await post_office.keep(b"1")
    await link.take_down()
    away = await linked_client.post(f"/v1/dead-letters/{verb}")
    await link.bring_up()
    back = await linked_client.post(f"/v1/dead-letters/{verb}")

    assert_problem(away, 503, "broker_unavailable")
    assert 200 == back.status_code
    assert [b"1"] == await post_office.published_bodies()


async def test_a_connection_that_is_lost_between_two_replays_is_made_again(
    linked_client: httpx.AsyncClient, link: Link, post_office: PostOffice
) -> None:
    await post_office.keep(b"1", b"2")
    await linked_client.post("/v1/dead-letters/1/replay")
    await link.take_down()
    await link.bring_up()

    async def is_replayed() -> bool:
        # Before the loss is noticed the answer is 503: asking again is left to the client.
        return (await linked_client.post("/v1/dead-letters/2/replay")).status_code == 200

    await eventually(is_replayed)
    assert [b"1", b"2"] == await post_office.published_bodies()


async def test_what_nothing_takes_stays_kept(
    client: httpx.AsyncClient, pipeline: Pipeline, post_office: PostOffice
) -> None:
    await post_office.keep(b"1", routing_key="nobody.wants.this")
    exchange = await pipeline.channel.get_exchange(UNROUTABLE_EXCHANGE, ensure=False)
    await exchange.delete()

    answer = await client.post("/v1/dead-letters/replay")

    assert_problem(answer, 503, "broker_unavailable")
    assert ["kept"] == await post_office.states()


async def test_what_was_confirmed_before_an_error_stays_settled(
    client: httpx.AsyncClient, pipeline: Pipeline, post_office: PostOffice
) -> None:
    await post_office.keep(b"1")
    await post_office.keep(b"2", routing_key="nobody.wants.this")
    await post_office.keep(b"3")
    exchange = await pipeline.channel.get_exchange(UNROUTABLE_EXCHANGE, ensure=False)
    await exchange.delete()

    await client.post("/v1/dead-letters/replay")

    assert ["replayed", "kept", "replayed"] == await post_office.states()
