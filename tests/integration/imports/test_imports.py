"""`POST /v1/readings/import`: rows that come to be readings, and rows that are refused."""

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from gateway.context import Context
from tests.integration.dead_letters.post_office import ask_gateway
from tests.integration.imports.conftest import TOKEN
from tests.integration.runtime.pipeline import Pipeline
from weir.clock import SystemClock
from weir.testing.conditions import eventually

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]

T0 = "2026-03-14T15:09:26.000001Z"


def row(**changes: Any) -> dict[str, Any]:
    return {"serial": "pump-1", "field": "a", "observed_at": T0, "value": 1.5, **changes}


async def send(
    client: httpx.AsyncClient, rows: Sequence[dict[str, Any] | str], **query: Any
) -> dict[str, Any]:
    lines = [line if isinstance(line, str) else json.dumps(line) for line in rows]
    response = await client.post(
        "/v1/readings/import",
        params=query,
        content="\n".join(lines).encode(),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert 200 == response.status_code, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def stored(pipeline: Pipeline) -> set[tuple[str, str, str, float | str]]:
    """Give all readings as (serial, field, unit, value)."""
    rows = await pipeline.pool.fetch(
        """
        SELECT serial, field, unit, number, text FROM device JOIN series USING (device_id) JOIN (
            SELECT series_id, value AS number, NULL AS text FROM reading
            UNION ALL SELECT series_id, NULL, value FROM text_reading) AS r USING (series_id)
        """
    )
    return {
        (each["serial"], each["field"], each["unit"], each["number"] or each["text"])
        for each in rows
    }


async def test_rows_come_to_be_readings(pipeline: Pipeline, client: httpx.AsyncClient) -> None:
    rows = [
        row(unit="bar"),
        row(field="mode", value="idle"),
        row(observed_at="2026-03-14 16:09:27+01:00", value=2, unit="bar"),
        row(serial="pump-2", value=True, observed_at="2026-03-14T15:09:26"),
        row(observed_at="2025-03-14T15:09:26Z", value="text", unit="bar", other=1),
    ]
    for _ in range(2):
        assert {"accepted_count": 5, "refused": []} == await send(client, rows)

    expected = {
        ("pump-1", "a", "bar", 1.5),
        ("pump-1", "mode", "", "idle"),
        ("pump-1", "a", "bar", 2.0),
        ("pump-2", "a", "", 1.0),
        ("pump-1", "a", "bar", "text"),
    }
    async with pipeline.worker():

        async def are_stored() -> bool:
            return expected == await stored(pipeline)

        await eventually(are_stored)
    assert (3, 2) == (await pipeline.count(), await pipeline.count("text_reading"))


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"serial": "nobody"}, "serial", "no device has the serial 'nobody'"),
        ({"serial": "a b"}, "serial", "String should match pattern"),
        ({"field": ""}, "field", "String should match pattern"),
        ({"observed_at": "yesterday"}, "observed_at", "Input should be a valid datetime"),
        ({"observed_at": 1_773_500_966}, "observed_at", "Input should be a valid datetime"),
        ({"observed_at": "1999-12-31T23:59:59Z"}, "observed_at", "before 2000-01-01"),
        ({"observed_at": "2999-12-31T23:59:59Z"}, "observed_at", "over a day ahead"),
        ({"value": None}, "value", "Input should be"),
        ({"value": [1]}, "value", "Input should be"),
        ({"value": float("nan")}, "value", "not a finite number"),
        ({"value": 2**53 + 1}, "value", "beyond 2^53"),
        ({"value": "x" * 4_097}, "value", "at most 4096"),
        ({"value": "\0"}, "value", "U+0000"),
        ({"unit": "x" * 33}, "unit", "at most 32 characters"),
    ],
)
async def test_a_row_is_refused_for_itself(
    client: httpx.AsyncClient, changes: dict[str, Any], column: str, reason: str
) -> None:
    answer = await send(client, [row(), "", row(**changes), row(field="b")])

    assert 2 == answer["accepted_count"]
    (refused,) = answer["refused"]
    assert (3, column, True) == (refused["row"], refused["column"], reason in refused["reason"]), (
        refused
    )


async def test_what_is_no_json_object_is_refused(client: httpx.AsyncClient) -> None:
    answer = await send(client, ["{", "[]", '"x"', json.dumps(row())])

    assert (1, [1, 2, 3]) == (answer["accepted_count"], [each["row"] for each in answer["refused"]])


async def test_a_dry_run_checks_and_stores_nothing(
    pipeline: Pipeline, client: httpx.AsyncClient
) -> None:
    answer = await send(client, [row(), row(serial="nobody")], dry_run=True)

    assert (1, [2]) == (answer["accepted_count"], [each["row"] for each in answer["refused"]])
    async with pipeline.worker():
        assert {"accepted_count": 1, "refused": []} == await send(client, [row(value=9.0)])

        async def is_stored() -> bool:
            return bool(await pipeline.count())

        await eventually(is_stored)
    assert {("pump-1", "a", "", 9.0)} == await stored(pipeline)


async def test_unknown_devices_are_made_where_that_is_asked_for(
    pipeline: Pipeline, client: httpx.AsyncClient
) -> None:
    await pipeline.pool.execute("UPDATE device SET state = 'pending' WHERE serial = 'pump-2'")

    answer = await send(client, [row(serial="new-1"), row(serial="pump-2")], enrol=True)

    assert [(2, "it is pending")] == [(r["row"], r["reason"]) for r in answer["refused"]]
    async with pipeline.worker():

        async def is_stored() -> bool:
            return {("new-1", "a", "", 1.5)} == await stored(pipeline)

        await eventually(is_stored)


async def test_many_readings_of_many_fields_are_split_into_messages(
    pipeline: Pipeline, client: httpx.AsyncClient
) -> None:
    rows = [row(field=f"f{number}", value=number + 0.5) for number in range(300)]
    # Longer than one message may be, and sent within what one request may be.
    assert 300 == (await send(client, rows))["accepted_count"]
    times = [f"20{10 + n // 28:02}-01-{1 + n % 28:02}T00:00:00Z" for n in range(200)]
    texts = [row(field="t", value="x" * 4_000, observed_at=time) for time in times]
    assert 200 == (await send(client, texts))["accepted_count"]
    async with pipeline.worker():

        async def are_stored() -> bool:
            return (300, 200) == (await pipeline.count(), await pipeline.count("text_reading"))

        await eventually(are_stored)


async def test_wrong_bodies_are_refused_whole(client: httpx.AsyncClient) -> None:
    path = "/v1/readings/import"
    headers = {"Content-Type": "application/x-ndjson"}
    wrong_type = await client.post(path, json=[row()])
    too_long = await client.post(path, content=b" " * 1_048_577, headers=headers)
    unknown = await client.post(path, params={"dry": True}, content=b"", headers=headers)

    assert (422, True) == (wrong_type.status_code, "x-ndjson" in wrong_type.json()["detail"])
    assert 413 == too_long.status_code
    assert (422, True) == (unknown.status_code, "query.dry" in unknown.json()["detail"])


async def test_a_gateway_without_a_broker_says_so(pipeline: Pipeline) -> None:
    async with ask_gateway(Context(pipeline.pool, SystemClock(), TOKEN)) as client:
        response = await client.post(
            "/v1/readings/import",
            content=json.dumps(row()),
            headers={"Content-Type": "application/x-ndjson"},
        )

    assert (503, True) == (response.status_code, "WEIR_AMQP_URL" in response.json()["detail"])
