"""Commands survive `kill -9` of the gateway, of the consumers and of the broker, at every step.

Afterwards every command has ended or waits honestly, a device that remembers ids has carried out
each once, and the journal explains all of it.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.chaos.servers import Broker
from tests.e2e.started import clean_environ
from tests.integration.command_device import CommandDevice
from tests.integration.gateway.conftest import TOKEN
from weir.embedded import rabbitmq_programs
from weir.embedded.ports import LOOPBACK, free_ports
from weir.model.announcement import Announcement
from weir.mqtt.address import MqttAddress
from weir.paths import ROOT
from weir.postgres.devices import PostgresDeviceStore
from weir.postgres.journal_rebuild import rebuild_commands
from weir.postgres.pool import open_pool
from weir.rabbitmq.topology import apply_topology
from weir.testing.clock import START
from weir.testing.conditions import eventually
from weir.testing.running import running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.postgres,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not rabbitmq_programs.is_installed(), reason="rabbitmq-server is not installed"
    ),
]

SERIAL = "pump-1"
PATIENCE_S = 180.0
#: A node of RabbitMQ 3.10.8 that is killed sooner after its first declaration loses its queues.
BROKER_AGE_MIN_S = 6.0
SERVICES = ("gateway", "consumers")
ALL = ("broker", *SERVICES)
#: When a kill comes: right after the request, when the broker has the command, when it is done.
MOMENTS = ("requested", "sent", "executed")


class Installation:
    """A broker of its own, a database, and two processes: the gateway and both consumers."""

    def __init__(self, broker: Broker, pool: asyncpg.Pool, environ: dict[str, str]) -> None:
        self.broker = broker
        self.pool = pool
        self.device = CommandDevice(MqttAddress.of_device(device_url(broker), SERIAL))
        self._environ = environ
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._began_s = time.monotonic()

    def start(self, name: str) -> None:
        """Start a service, as a supervisor would."""
        names = ["commands", "replies"] if name == "consumers" else [name]
        self._processes[name] = subprocess.Popen(
            [sys.executable, "-m", "weir", "run", *names], cwd=ROOT, env=self._environ
        )

    async def kill(self, name: str) -> None:
        """Kill a part and start it again."""
        if name == "broker":
            await eventually(lambda: time.monotonic() - self._began_s > BROKER_AGE_MIN_S)
            self.broker.kill()
            await self.broker.start()
            return
        self._processes[name].kill()
        self._processes[name].wait()
        self.start(name)

    def stop(self) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()

    async def request(self) -> str:
        """Request a command, again and again until the gateway has said that it is requested."""
        url = f"http://127.0.0.1:{self._environ['WEIR_GATEWAY_PORT']}"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:

            async def is_requested() -> str | None:
                with suppress(httpx.TransportError):
                    path = f"/v1/devices/{SERIAL}/commands"
                    answer = await client.post(path, json={"command": "ping"})
                    return str(answer.json()["id"]) if answer.status_code == 201 else None
                return None

            return str(await eventually(is_requested, PATIENCE_S))

    async def until(self, id_: str, moment: str) -> None:
        """Wait until a command is so far, or further."""

        async def has_come() -> bool:
            if moment == "executed":
                return id_ in self.device.executed
            sent_at = "SELECT sent_at FROM command WHERE command_id = $1"
            return moment == "requested" or await self.pool.fetchval(sent_at, id_) is not None

        await eventually(has_come, PATIENCE_S)

    async def waiting_count(self) -> int:
        return int(
            await self.pool.fetchval("SELECT count(*) FROM command WHERE due_at IS NOT NULL")
        )


def device_url(broker: Broker) -> str:
    """Give where a device connects as an administrator, who may have any session."""
    login = urlsplit(broker.node.management_url).netloc.rpartition("@")[0]
    return f"mqtt://{login}@{LOOPBACK}:{broker.node.ports.mqtt}"


@contextmanager
def folder_of_a_broker() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="weir-test-"))
    # The broker runs as another account when we are root.
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def installed(database_url: str) -> AsyncIterator[Installation]:
    with folder_of_a_broker() as folder:
        broker = Broker(folder)
        await broker.mapper.start()
        await broker.start()
        (port,) = free_ports(1)
        environ = {
            **clean_environ(),
            "WEIR_AMQP_URL": broker.node.amqp_url,
            "WEIR_STREAM_URL": broker.node.stream_url,
            "WEIR_POSTGRES_URL": database_url,
            "WEIR_GATEWAY_TOKEN": TOKEN,
            "WEIR_GATEWAY_PORT": str(port),
        }
        try:
            await apply_topology(broker.node.amqp_url, 1)
            async with open_pool(database_url) as pool:
                announcement = Announcement(SERIAL, "", "", (), boot_id=1)
                await PostgresDeviceStore(pool).announce(announcement, START)
                installation = Installation(broker, pool, environ)
                try:
                    for name in SERVICES:
                        installation.start(name)
                    yield installation
                finally:
                    installation.stop()
        finally:
            await broker.stop()
            await broker.mapper.stop()


@pytest.mark.parametrize(
    ("seed", "rounds"),
    [(1, 1), *(pytest.param(seed, 4, marks=pytest.mark.slow) for seed in range(2, 5))],
)
async def test_every_command_ends_once_whatever_is_killed(
    migrated_database_url: str, seed: int, rounds: int
) -> None:
    random = Random(seed)
    async with installed(migrated_database_url) as installation:
        async with running(installation.device.live()):
            await installation.until(await installation.request(), "executed")
            victims = [victim for _ in range(rounds) for victim in random.sample(ALL, len(ALL))]
            for number, victim in enumerate(victims):
                id_ = await installation.request()
                await installation.until(id_, MOMENTS[number % len(MOMENTS)])
                killing = asyncio.create_task(installation.kill(victim))
                if victim != "gateway":
                    await installation.request()
                await killing

            async def has_ended() -> bool:
                return await installation.waiting_count() == 0

            await eventually(has_ended, PATIENCE_S)

        rows = await installation.pool.fetch("SELECT command_id, state FROM command")
        (found,) = await rebuild_commands(installation.pool)

    assert {"succeeded"} == {row["state"] for row in rows}
    executed = installation.device.executed
    assert sorted(executed) == sorted(set(executed))
    assert {row["command_id"] for row in rows} == set(executed)
    assert 0 == found.difference_count
