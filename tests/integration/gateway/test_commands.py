"""Commands as clients request, follow, list and cancel them."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest

from tests.integration.postgres.command_desk import CommandDesk
from weir.model.capabilities import Capabilities, CommandDescription
from weir.model.command import ReplyStatus
from weir.postgres import journal_bell
from weir.testing.clock import ManualClock

pytestmark = pytest.mark.postgres

ASK = "/v1/devices/pump-1/commands"
SLOW = Capabilities(
    (
        CommandDescription(
            "change_sample_frequency",
            "",
            {"properties": {"frequency_hz": {"type": "number", "maximum": 100}}},
        ),
    )
)


@pytest.fixture
async def desk(pool: asyncpg.Pool, clock: ManualClock) -> CommandDesk:
    desk = CommandDesk(pool, clock=clock)
    await desk.enrol("pump-1", "pump-2")
    await desk.enrol("slow-1", capabilities=SLOW)
    return desk


async def asked(client: httpx.AsyncClient, path: str = ASK, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json={"command": "ping", **body})
    assert 201 == answer.status_code, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def listed(client: httpx.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/v1/commands?{query}")
    assert 200 == answer.status_code, answer.text
    return [command["serial"] for command in answer.json()["commands"]]


async def test_a_command_is_followed_from_the_request_to_the_reply(
    client: httpx.AsyncClient, desk: CommandDesk, clock: ManualClock
) -> None:
    answer = await client.post(ASK, json={"command": "sleep", "parameters": {"duration_s": 5}})
    command = answer.json()
    await desk.send(command["id"])
    clock.advance(2)
    await desk.reply("pump-1", command["id"], ReplyStatus.SUCCEEDED, result={"slept_s": 5})

    shown = (await client.get(answer.headers["Location"])).json()

    assert ("requested", "token:local") == (command["state"], command["requested_by"])
    assert ("succeeded", {"slept_s": 5}, 4) == (shown["state"], shown["result"], shown["version"])
    assert [
        ("requested", "token:local"),
        ("sent", "system:commands"),
        ("delivered", "pump-1"),
        ("succeeded", "pump-1"),
    ] == [(step["step"], step["actor"]) for step in shown["steps"]]
    assert {"result": {"slept_s": 5}} == shown["steps"][3]["data"]
    assert shown["steps"][0]["at"] < shown["steps"][3]["at"] == shown["ended_at"]


@pytest.mark.parametrize(
    ("path", "body", "status", "part"),
    [
        ("ghost", {}, 404, None),
        ("pump-2", {"command": "dance"}, 422, "body.command"),
        (
            "slow-1",
            {"command": "change_sample_frequency", "parameters": {"frequency_hz": 101}},
            422,
            "body.parameters.frequency_hz",
        ),
        ("pump-2", {"ttl_s": 0.5}, 422, "body.ttl_s"),
        ("pump-2", {"ttl_s": 3_000_000}, 422, "body.ttl_s"),
        ("pump-2", {"timeout_s": 0}, 422, "body.timeout_s"),
        ("pump-2", {"command": "Bad Name"}, 422, "body.command"),
        ("pump-2", {"parameters": {"a": "\0"}}, 422, "body.parameters"),
        ("pump-2", {"parameters": {"a": "b" * 17_000}}, 422, "body.parameters"),
        ("pump-2", {"urgent": True}, 422, "body.urgent"),
    ],
)
@pytest.mark.usefixtures("desk")
async def test_what_is_wrong_is_said_exactly(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, part: str | None
) -> None:
    answer = await client.post(f"/v1/devices/{path}/commands", json={"command": "ping", **body})

    problem = answer.json()
    assert status == answer.status_code, problem
    if part:
        assert part in [error["parameter"] for error in problem["errors"]]
    assert [] == await listed(client, "")


async def test_a_device_that_is_shut_out_is_asked_nothing(
    client: httpx.AsyncClient, desk: CommandDesk
) -> None:
    await client.post("/v1/devices/pump-1/disable")

    answer = await client.post(ASK, json={"command": "ping"})

    assert (409, "conflict") == (answer.status_code, answer.json()["code"])
    assert "pump-1: the device is disabled: enable it first" == answer.json()["detail"]
    assert {} == await desk.states()


async def test_several_are_asked_together_or_not_at_all(
    client: httpx.AsyncClient, desk: CommandDesk
) -> None:
    devices = ["pump-1", "pump-2", "slow-1"]
    refused = await client.post("/v1/commands", json={"command": "ping", "devices": devices})
    assert {} == await desk.states()
    group = await asked(client, "/v1/commands", devices=devices, on_refusal="skip")

    assert 422 == refused.status_code
    assert ["body.devices.slow-1"] == [each["parameter"] for each in refused.json()["errors"]]
    assert (2, 1) == (group["command_count"], group["refused_count"])
    assert ["pump-1", "pump-2"] == [each["serial"] for each in group["commands"]]
    assert [("slow-1", "unknown_command")] == [
        (each["serial"], each["reason"]) for each in group["refused"]
    ]
    assert {"pump-1", "pump-2"} == set(await listed(client, f"group={group['group_id']}"))


async def test_a_site_is_asked(client: httpx.AsyncClient, desk: CommandDesk) -> None:
    for body, status in (
        ({"site": "nowhere"}, 404),
        ({"site": "unassigned", "devices": ["pump-1"]}, 422),
        ({}, 422),
        ({"devices": []}, 422),
        ({"devices": ["no serial!"]}, 422),
    ):
        answer = await client.post("/v1/commands", json={"command": "ping", **body})
        assert status == answer.status_code, answer.text
    group = await asked(client, "/v1/commands", site="unassigned", on_refusal="skip")

    assert 2 == group["command_count"] == len(await desk.states())


async def test_a_key_requests_once(client: httpx.AsyncClient, desk: CommandDesk) -> None:
    answers = [
        await client.post(ASK, json={"command": "reboot"}, headers={"Idempotency-Key": "k1"})
        for _ in range(2)
    ]

    assert answers[0].json() == answers[1].json()
    assert 1 == len(await desk.states())


async def test_commands_are_listed_by_what_one_looks_for(
    client: httpx.AsyncClient, desk: CommandDesk, clock: ManualClock
) -> None:
    first = await asked(client)
    clock.advance(60)
    await asked(client, "/v1/devices/pump-2/commands", command="reboot")
    await desk.send(first["id"])

    for query, serials in (
        ("", ["pump-2", "pump-1"]),
        ("device=pump-1", ["pump-1"]),
        ("device=ghost", []),
        ("command=reboot", ["pump-2"]),
        ("state=sent", ["pump-1"]),
        ("site=unassigned", ["pump-2", "pump-1"]),
        ("site=elsewhere", []),
        ("since=30s", ["pump-2"]),
        ("until=30s", ["pump-1"]),
        ("since=0001-01-01&until=9999-12-31", ["pump-2", "pump-1"]),
    ):
        assert serials == await listed(client, query), query
    page = (await client.get("/v1/commands?limit=1")).json()
    assert ["pump-1"] == await listed(client, f"limit=1&cursor={page['next_cursor']}")
    for query in ("state=lost", "device=a+b", "group=x", "since=soon", "cursor=x", "by=ada"):
        assert 422 == (await client.get(f"/v1/commands?{query}")).status_code, query


async def test_a_command_is_cancelled_once_and_in_time(
    client: httpx.AsyncClient, desk: CommandDesk
) -> None:
    command, other = await asked(client), await asked(client)
    await desk.send(other["id"])
    await desk.reply("pump-1", other["id"], ReplyStatus.RECEIVED)

    for _ in range(2):
        answer = await client.post(f"/v1/commands/{command['id']}/cancel")
        assert (200, "cancelled") == (answer.status_code, answer.json()["state"])
    late = await client.post(f"/v1/commands/{other['id']}/cancel")
    unknown = await client.post(f"/v1/commands/{'0' * 26}/cancel")

    assert (409, 404) == (late.status_code, unknown.status_code)
    assert "the device has it already" in late.json()["detail"]


async def test_whoever_waits_is_answered_when_there_is_news(
    client: httpx.AsyncClient, desk: CommandDesk
) -> None:
    path = f"/v1/commands/{(await asked(client))['id']}"
    step = asyncio.create_task(client.get(f"{path}?wait_s=30&after_version=1", timeout=60))
    end = asyncio.create_task(client.get(f"{path}?wait_s=30", timeout=60))
    await desk.send(path.rpartition("/")[2])
    assert ("sent", 2) == ((await step).json()["state"], (await step).json()["version"])
    assert not end.done()

    await desk.reply("pump-1", path.rpartition("/")[2], ReplyStatus.FAILED, error="no bed")

    assert ("failed", "no bed") == ((await end).json()["state"], (await end).json()["error"])
    at_once = await client.get(f"{path}?wait_s=30")
    assert "failed" == at_once.json()["state"]


async def test_waiting_is_bounded_in_time_and_number(
    client: httpx.AsyncClient, desk: CommandDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/v1/commands/{(await asked(client))['id']}"
    assert 422 == (await client.get(f"{path}?wait_s=31")).status_code
    assert 404 == (await client.get(f"/v1/commands/{'0' * 26}?wait_s=1")).status_code
    assert "requested" == (await client.get(f"{path}?wait_s=0.1")).json()["state"]
    monkeypatch.setattr(journal_bell, "WAITER_COUNT_MAX", 0)

    answer = await client.get(f"{path}?wait_s=1")

    assert (429, "5") == (answer.status_code, answer.headers["Retry-After"])
    assert 1 == len(await desk.states())


async def test_a_gateway_without_its_database_says_so(lost_client: httpx.AsyncClient) -> None:
    for answer in (
        await lost_client.get(f"/v1/commands/{'0' * 26}?wait_s=1"),
        await lost_client.get("/v1/commands"),
        await lost_client.post(ASK, json={"command": "ping"}),
    ):
        assert (503, "store_unavailable") == (answer.status_code, answer.json()["code"])
