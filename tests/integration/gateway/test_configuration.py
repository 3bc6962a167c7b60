"""The resource `/v1/devices/{serial}/config` on a real database."""

import json
from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import AddDevice
from weir.model.configuration import ReportedConfiguration, hash_of
from weir.model.limits import CONFIGURATION_BYTES_MAX
from weir.postgres.configurations import PostgresConfigurationStore
from weir.testing.clock import START

pytestmark = pytest.mark.postgres

PATH = "/v1/devices/pump-1/config"
FAST = {"sample_rate_hz": 50, "limits": {"low": -2.5, "high": 8}}
SLOW = {"sample_rate_hz": 1}
SCHEMA = {
    "type": "object",
    "properties": {
        "sample_rate_hz": {"type": "number", "minimum": 1, "maximum": 100},
        "limits": {"type": "object"},
    },
    "additionalProperties": False,
}
ANY = {"If-Match": "*"}


@pytest.fixture(autouse=True)
async def device(add_device: AddDevice) -> None:
    await add_device("pump-1")


async def put(client: httpx.AsyncClient, document: Any, version: int | None = None) -> Any:
    headers = ANY if version is None else {"If-Match": f'"{version}"'}
    response = await client.put(PATH, json=document, headers=headers)
    assert response.status_code == 200, response.text
    return response.json()


async def report(pool: asyncpg.Pool, version: int, runs: Any, **more: Any) -> None:
    reported = ReportedConfiguration(version, hash_of(runs), **more)
    await PostgresConfigurationStore(pool).note_report("pump-1", reported, START)


async def declare(pool: asyncpg.Pool, schema: Any) -> None:
    await pool.execute(
        "UPDATE device SET capabilities = capabilities || $1",
        json.dumps({"configuration_schema": schema}),
    )


async def test_a_device_of_which_nothing_is_wanted(client: httpx.AsyncClient) -> None:
    response = await client.get(PATH)

    assert '"0"' == response.headers["ETag"]
    assert {
        "serial": "pump-1",
        "state": "unknown",
        "is_edited_at_device": False,
        "version": 0,
        "document": None,
        "hash": "",
        "how": None,
        "set_at": None,
        "set_by": None,
        "reported": None,
        "reported_at": None,
        "schema": None,
    } == response.json()


async def test_what_is_wanted_becomes_a_version_and_then_runs(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    first = await put(client, FAST, 0)
    assert (1, FAST, "unknown", "set") == (
        first["version"],
        first["document"],
        first["state"],
        first["how"],
    )
    assert hash_of(FAST) == first["hash"]

    await report(pool, 1, FAST)
    assert "in_sync" == (await client.get(PATH)).json()["state"]

    assert 1 == (await put(client, FAST, 1))["version"]
    assert "pending" == (await put(client, SLOW, 1))["state"]
    await report(pool, 1, FAST, rejected_version=2, error="too slow")
    shown = (await client.get(PATH)).json()
    assert ("rejected", 2, "too slow") == (
        shown["state"],
        shown["reported"]["rejected_version"],
        shown["reported"]["error"],
    )


async def test_a_merge_patch_changes_members(client: httpx.AsyncClient) -> None:
    await put(client, FAST)

    response = await client.patch(
        PATH,
        content=json.dumps({"limits": {"high": 9, "low": None}}),
        headers={"If-Match": '"1"', "Content-Type": "application/merge-patch+json"},
    )

    assert 200 == response.status_code, response.text
    assert '"2"' == response.headers["ETag"]
    assert {"sample_rate_hz": 50, "limits": {"high": 9}} == response.json()["document"]
    assert "merge_patch" == response.json()["how"]


async def test_nobody_overwrites_what_they_have_not_seen(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await put(client, FAST)
    await report(pool, 1, FAST)

    stale = await client.put(PATH, json=SLOW, headers={"If-Match": '"0"'})
    blind = await client.put(PATH, json=SLOW)

    assert (412, 428) == (stale.status_code, blind.status_code)
    # What the device reports is no change of what is wanted.
    await put(client, SLOW, 1)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"sample_rate_hz": 101}, "sample_rate_hz: must be at most 100"),
        ({"sample_rate_hz": "fast"}, "sample_rate_hz: must be a number"),
        ({"rate": 1}, "rate: is not known; there is: limits, sample_rate_hz"),
    ],
)
async def test_what_does_not_fit_the_schema_is_refused_with_its_place(
    client: httpx.AsyncClient, pool: asyncpg.Pool, document: Any, told: str
) -> None:
    await declare(pool, SCHEMA)

    response = await client.put(PATH, json=document, headers=ANY)

    assert 422 == response.status_code
    assert told in response.json()["detail"]
    assert 0 == await pool.fetchval("SELECT count(*) FROM journal WHERE entity = 'configuration'")
    assert SCHEMA == (await client.get(PATH)).json()["schema"]


@pytest.mark.parametrize(
    "body",
    [
        b"[1]",
        b'"text"',
        b"{",
        b'{"a": 1e999}',
        b'{"a": NaN}',
        b'{"a": 9007199254740993}',
        b'{"a": 1e300}',
        b'{"a": "\\u0000"}',
        b'{"a": "' + b"x" * CONFIGURATION_BYTES_MAX + b'"}',
        b'{"a": ' * 16 + b"{}" + b"}" * 16,
    ],
)
async def test_what_is_no_configuration_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.put(
        PATH, content=body, headers={**ANY, "Content-Type": "application/json"}
    )

    assert response.status_code in {400, 422}, response.text
    assert 0 == (await client.get(PATH)).json()["version"]


async def test_a_number_keeps_its_hash_over_the_database(client: httpx.AsyncClient) -> None:
    document = {"a": [1.0, -0.0, 1e15, 1e-7, 0.1, -1, 123456789.125], "b": {"é": "ü", "A": None}}
    shown = await put(client, document)

    assert hash_of(shown["document"]) == shown["hash"]
    again = (await client.get(f"{PATH}/history/1")).json()
    assert hash_of(again["document"]) == again["hash"] == shown["hash"]


async def test_history_and_rollback(client: httpx.AsyncClient) -> None:
    for document in (FAST, SLOW, {}):
        await put(client, document)

    response = await client.post(f"{PATH}/rollback", json={"version": 1})

    assert (4, FAST, "rollback") == tuple(
        response.json()[key] for key in ("version", "document", "how")
    )
    found: list[tuple[int, str, int | None]] = []
    query = "limit=3"
    while True:
        page = (await client.get(f"{PATH}/history?{query}")).json()
        found += [(v["version"], v["how"], v["of_version"]) for v in page["versions"]]
        if page["next_cursor"] is None:
            break
        query = f"limit=3&cursor={page['next_cursor']}"
    assert [(4, "rollback", 1), (3, "set", None), (2, "set", None), (1, "set", None)] == found
    assert SLOW == (await client.get(f"{PATH}/history/2")).json()["document"]
    missing = await client.post(f"{PATH}/rollback", json={"version": 9})
    assert 404 == missing.status_code


async def test_differences_of_versions_and_of_what_runs(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    await put(client, FAST)
    await put(client, SLOW)
    changed = [
        {"path": "limits", "kind": "removed", "before": FAST["limits"], "after": None},
        {"path": "sample_rate_hz", "kind": "changed", "before": 50, "after": 1},
    ]

    assert changed == (await client.get(f"{PATH}/diff?from=1&to=2")).json()["differences"]
    assert 409 == (await client.get(f"{PATH}/diff")).status_code
    await report(pool, 1, FAST)
    assert changed == (await client.get(f"{PATH}/diff")).json()["differences"]
    assert [] == (await client.get(f"{PATH}/diff?to=2")).json()["differences"][2:]
    await report(pool, 77, {"x": 1})
    assert 409 == (await client.get(f"{PATH}/diff")).status_code
    assert 422 == (await client.get(f"{PATH}/diff?from=yesterday")).status_code


async def test_what_is_edited_at_the_device_is_adopted_or_overwritten(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    for verb in ("adopt", "overwrite"):
        assert 409 == (await client.post(f"{PATH}/{verb}")).status_code
    await put(client, FAST)
    await report(pool, 1, FAST)
    await report(pool, 0, SLOW, document=SLOW)
    shown = (await client.get(PATH)).json()
    assert ("pending", True) == (shown["state"], shown["is_edited_at_device"])

    adopted = (await client.post(f"{PATH}/adopt")).json()
    assert (2, SLOW, "in_sync", "adoption", False) == tuple(
        adopted[key] for key in ("version", "document", "state", "how", "is_edited_at_device")
    )
    await report(pool, 0, {}, document={})
    overwritten = (await client.post(f"{PATH}/overwrite")).json()
    assert (3, SLOW, "pending", "overwriting", False) == tuple(
        overwritten[key] for key in ("version", "document", "state", "how", "is_edited_at_device")
    )


async def test_a_deleted_device_is_not_configured(client: httpx.AsyncClient) -> None:
    await client.delete("/v1/devices/pump-1")

    response = await client.put(PATH, json=FAST, headers=ANY)

    assert 409 == response.status_code
    assert "undelete" in response.json()["detail"]


async def test_an_unknown_device_has_no_configuration(client: httpx.AsyncClient) -> None:
    for serial in ("pump-2", "a%00b"):
        for path in ("", "/history", "/history/1", "/diff"):
            assert 404 == (await client.get(f"/v1/devices/{serial}/config{path}")).status_code
        answer = await client.put(f"/v1/devices/{serial}/config", json=FAST, headers=ANY)
        assert 404 == answer.status_code
