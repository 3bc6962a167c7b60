"""`iotctl commands` in front of a gateway that is a process."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.integration.gateway.test_server import Gateway
from tests.integration.postgres.command_desk import CommandDesk
from weir.clock import SystemClock
from weir.embedded.ports import free_ports
from weir.model.command import ReplyStatus
from weir.testing.conditions import eventually

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
async def desk(pool: asyncpg.Pool) -> CommandDesk:
    desk = CommandDesk(pool, clock=SystemClock())
    await desk.enrol("pump-1", "pump-2")
    return desk


@pytest.fixture
async def gateway(migrated_database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    (port,) = free_ports(1)
    gateway = Gateway(migrated_database_url, port, tmp_path / "gateway.log")
    with gateway.running():
        await gateway.answers("/readyz", 200)
        yield gateway


async def answered(
    desk: CommandDesk, gateway: Gateway, status: ReplyStatus, *arguments: str, error: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run a command that waits, and let the devices answer meanwhile."""
    running = asyncio.create_task(asyncio.to_thread(gateway.iotctl, "commands", *arguments))

    async def requested() -> list[asyncpg.Record]:
        return await desk.pool.fetch(
            "SELECT command_id, serial FROM command JOIN device USING (device_id) "
            "WHERE command.state = 'requested'"
        )

    for row in await eventually(requested, 60.0):
        await desk.send(row["command_id"])
        await desk.reply(row["serial"], row["command_id"], status, error=error)
    return await running


async def test_waiting_shows_the_steps_and_ends_with_the_reply(
    gateway: Gateway, desk: CommandDesk
) -> None:
    done = await answered(
        desk,
        gateway,
        ReplyStatus.SUCCEEDED,
        "send",
        "pump-1",
        "sleep",
        "-p",
        "duration_s=5",
        "--wait",
    )
    failed = await answered(
        desk, gateway, ReplyStatus.FAILED, "send", "pump-1", "reboot", "--wait", error="no, thanks"
    )

    assert 0 == done.returncode, done.stderr
    steps = ["requested", "sent", "delivered", "succeeded"]
    assert steps == [line.split("  ")[1] for line in done.stderr.splitlines()]
    assert re.search(r"^state: +succeeded$", done.stdout, re.MULTILINE)
    assert 1 == failed.returncode
    assert failed.stderr.rstrip().endswith("failed: no, thanks")


async def test_several_devices_are_asked_and_listed(gateway: Gateway, desk: CommandDesk) -> None:
    sent = await asyncio.to_thread(
        gateway.iotctl, "commands", "send", "--site", "unassigned", "ping", "-o", "json"
    )
    ids = {command["id"]: command["serial"] for command in json.loads(sent.stdout)}
    assert {"pump-1", "pump-2"} == set(ids.values())
    names = gateway.iotctl("commands", "list", "--state", "requested", "-o", "name").stdout
    assert set(ids) == set(names.split())
    cancelled = gateway.iotctl("commands", "cancel", *ids)
    assert 2 == cancelled.stdout.count("cancelled")
    shown = gateway.iotctl("commands", "show", next(iter(ids))).stdout
    assert ["requested", "cancelled"] == [line.split()[1] for line in shown.splitlines()[-2:]]
    assert set(await desk.states()) == set(ids)


async def test_what_is_wrong_is_said_in_a_line(gateway: Gateway) -> None:
    for arguments, code, words in (
        (("send", "ghost", "ping"), 3, "no device has the serial 'ghost'"),
        (("send", "pump-1", "dance"), 5, "the device knows no command 'dance'; it knows: awake"),
        (
            ("send", "pump-1", "sleep", "-p", "duration_s=-1"),
            5,
            "parameters of sleep: duration_s: must be greater than 0, not -1",
        ),
        (("send", "pump-1", "ghost", "ping"), 5, "ghost: no device has the serial"),
        (("send", "ping"), 2, "say whom: serials before the command, or --site"),
        (("send", "pump-1", "ping", "--ttl", "soon"), 2, "'soon' is no duration"),
        (("send", "pump-1", "ping", "--ttl", "60d"), 5, "body.ttl_s"),
        (("send", "--site", "nowhere", "ping"), 3, "there is no site 'nowhere'"),
        (("show", "0" * 26), 3, "there is no command"),
    ):
        done = gateway.iotctl("commands", *arguments)
        assert (code, True) == (done.returncode, words in done.stderr), done.stderr
