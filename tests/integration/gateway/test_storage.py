"""The resource `/v1/storage` on a real database: sizes, policies, plans and runs."""

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import AddDevice, AddReadings
from weir.testing.clock import START, ManualClock

pytestmark = pytest.mark.postgres

DEFAULTS = {
    "raw": "30d",
    "minute": "180d",
    "hour": "forever",
    "day": "forever",
    "event": "forever",
    "location": "forever",
}


@pytest.fixture
async def old_reading(
    add_device: AddDevice, add_readings: AddReadings, pool: asyncpg.Pool, clock: ManualClock
) -> None:
    """Have a reading that has expired, of a stream that the rollups have passed."""
    await add_device("pump-1", site="harbour")
    await add_readings("pump-1", "pressure", {0: 1.5})
    for consumer in ("measurements", "aggregates"):
        await pool.execute("INSERT INTO stream_offset VALUES ($1, 's.0', 7)", consumer)
    clock.advance(40 * 86_400)


@pytest.mark.usefixtures("old_reading")
async def test_storage_tells_its_mode_and_the_size_of_every_table(
    client: httpx.AsyncClient,
) -> None:
    storage = (await client.get("/v1/storage")).json()

    assert storage["mode"] in {"plain", "timescaledb"}
    reading = storage["tables"][0]
    assert ("raw", "reading") == (reading["layer"], reading["table"])
    assert "2026-03-14T15:09:26.000000Z" == reading["oldest"] == reading["newest"]


async def test_the_policies_of_a_new_installation_are_listed(client: httpx.AsyncClient) -> None:
    [policy] = (await client.get("/v1/storage/policies")).json()["policies"]

    assert ("installation", DEFAULTS) == (policy["scope"], policy["ages"])
    assert {
        "raw": "2026-02-12T00:00:00.000000Z",
        "minute": "2025-09-15T00:00:00.000000Z",
    } == policy["kept_from"]


@pytest.mark.usefixtures("old_reading")
async def test_a_policy_is_set_listed_and_forgotten(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    at_harbour = {"site": "harbour"}

    done = await client.post(
        "/v1/storage/policies/set", params={**at_harbour, "raw": "90d", "hour": "2y"}
    )

    assert ("site harbour", {"raw": "90d", "hour": "730d"}) == (
        done.json()["scope"],
        done.json()["ages"],
    )
    listed = (await client.get("/v1/storage/policies")).json()["policies"]
    assert ["installation", "site harbour"] == [policy["scope"] for policy in listed]
    await client.post("/v1/storage/policies/unset", params={**at_harbour, "layer": "hour"})
    left = (await client.post("/v1/storage/policies/unset", params=at_harbour)).json()
    assert {} == left["ages"]
    assert 3 == await pool.fetchval("SELECT count(*) FROM journal WHERE entity = 'retention'")


@pytest.mark.parametrize(
    ("path", "params", "status", "detail"),
    [
        ("set", {"raw": "0d"}, 422, "query.raw: an age is 1d to 36525d, or forever"),
        ("set", {"raw": "-3d"}, 422, "query.raw: not an age: '-3d'; give whole days"),
        ("set", {"raw": "101y"}, 422, "query.raw: an age is 1d to 36525d"),
        ("set", {"raw": "12h"}, 422, "query.raw: not an age"),
        ("set", {}, 422, "give at least one age of raw, minute"),
        ("set", {"raw": "181d"}, 422, "each level is kept at least as long as what it is"),
        ("set", {"minute": "29d"}, 422, "would keep minute (29d) for less time than raw (30d)"),
        ("set", {"raw": "9d", "site": "nowhere"}, 404, "there is no site 'nowhere'"),
        ("set", {"raw": "9d", "series_class": "vibration"}, 404, "there are: none yet"),
        ("set", {"raw": "9d", "series_class": "No!"}, 422, "query.series_class"),
        ("set", {"raw": "9d", "site": "a", "series_class": "b"}, 422, "not for both"),
        ("set", {"raw": "9d", "colour": "red"}, 422, "query.colour"),
        ("unset", {}, 422, "the installation has every age"),
        ("unset", {"site": "harbour", "layer": "second"}, 422, "query.layer"),
    ],
)
async def test_a_wrong_policy_is_refused_with_what_is_right(
    client: httpx.AsyncClient, path: str, params: dict[str, str], status: int, detail: str
) -> None:
    response = await client.post(f"/v1/storage/policies/{path}", params=params)

    assert status == response.status_code
    assert detail in response.json()["detail"]
    [policy] = (await client.get("/v1/storage/policies")).json()["policies"]
    assert DEFAULTS == policy["ages"]


@pytest.mark.usefixtures("old_reading")
async def test_a_run_does_what_was_planned_and_then_nothing(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    [planned] = (await client.get("/v1/storage/plan")).json()["planned"]
    assert planned.pop("waits_for") is None

    report = (await client.post("/v1/storage/retain")).json()

    assert ([planned], [], True) == (report["expired"], report["waits"], report["is_finished"])
    assert 0 == await pool.fetchval("SELECT count(*) FROM reading")
    again = (await client.post("/v1/storage/retain")).json()
    assert [] == again["expired"]


@pytest.mark.usefixtures("old_reading")
async def test_what_a_run_has_to_wait_for_is_told_before_and_after(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await pool.execute("DELETE FROM stream_offset WHERE consumer = 'aggregates'")

    [planned] = (await client.get("/v1/storage/plan")).json()["planned"]
    report = (await client.post("/v1/storage/retain")).json()

    assert "the consumer aggregates has not begun to read s.0" == planned["waits_for"]
    assert [{"layer": "raw", "reason": planned["waits_for"]}] == report["waits"]
    assert START == await pool.fetchval("SELECT min(observed_at) FROM reading")


@pytest.mark.parametrize("path", ["", "/plan", "/policies"])
async def test_a_database_that_is_away_is_a_problem_document(
    lost_client: httpx.AsyncClient, path: str
) -> None:
    response = await lost_client.get(f"/v1/storage{path}")

    assert (503, "store_unavailable") == (response.status_code, response.json()["code"])
