"""The whole circle on processes: wanted, taken, refused; a device dies and comes back older."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.e2e.control_device import PASSWORD_VARIABLE
from weir.embedded.process import ProcessSpec
from weir.events.configuration import Configuration, Desire
from weir.events.event import Author
from weir.model.configuration_sync import SyncState
from weir.model.presence import Presence
from weir.paths import ROOT
from weir.postgres.configuration_state import read_configuration
from weir.postgres.configurations import change_configuration
from weir.postgres.pool import open_pool
from weir.postgres.queries.devices import show_device
from weir.rabbitmq.access import delete_device_user, put_device_user
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually
from weir.testing.servers import running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.rabbitmq,
    pytest.mark.postgres,
    pytest.mark.mqtt,
    pytest.mark.timeout(240),
]

TIMEOUT_S = 60.0
SERIAL = "pump-1"
ADA = Author("user:ada")
SERVICES = ("states", "configurations")


@dataclass
class World:
    """One installation with one device."""

    broker: Broker
    pool: asyncpg.Pool
    memory: Path
    password: str

    @contextmanager
    def device(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Run the device; it is killed at the end, and says nothing more."""
        url = f"{self.broker.mqtt_device_url}/{self.broker.vhost}"
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.control_device", url, SERIAL, str(self.memory)],
            cwd=ROOT,
            env={**os.environ, PASSWORD_VARIABLE: self.password},
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def runs(self) -> Any:
        return json.loads(self.memory.read_text())

    async def want(self, document: dict[str, Any]) -> None:
        await change_configuration(self.pool, SERIAL, lambda _: Desire(document), ADA)

    async def becomes(self, state: SyncState, version: int) -> Configuration:
        async def has_become() -> Configuration | None:
            found = (await read_configuration(self.pool, SERIAL)).configuration
            return found if (found.state, found.wanted.version) == (state, version) else None

        found = await eventually(has_become, TIMEOUT_S)
        assert found is not None
        return found

    async def is_there(self) -> None:
        async def is_reported() -> bool:
            count = await self.pool.fetchval(
                "SELECT count(*) FROM device_configuration WHERE reported_at IS NOT NULL"
            )
            return bool(count)

        await eventually(is_reported, TIMEOUT_S)

    async def goes(self) -> str | None:
        async def is_offline() -> bool:
            return (await show_device(self.pool, SERIAL)).presence is Presence.OFFLINE

        await eventually(is_offline, TIMEOUT_S)
        return (await show_device(self.pool, SERIAL)).presence_reason


@asynccontextmanager
async def services(broker: Broker, database_url: str, logs: Path) -> AsyncIterator[None]:
    environ = {
        **{name: value for name, value in os.environ.items() if name[:5] != "WEIR_"},
        "WEIR_AMQP_URL": broker.amqp_url,
        "WEIR_STREAM_URL": broker.stream_url,
        "WEIR_POSTGRES_URL": database_url,
        "WEIR_PRESENCE_WILL_GRACE_S": "1",
        "WEIR_PRESENCE_OUTAGE_GRACE_S": "0",
    }
    argv = (sys.executable, "-m", "weir", "run", *SERVICES)
    with running(ProcessSpec("services", argv, environ, ROOT), logs=logs):
        yield


@pytest.fixture
async def world(broker: Broker, migrated_database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    await apply_topology(broker.amqp_url, 1)
    password = secrets.token_urlsafe()
    await put_device_user(broker.management_url, broker.vhost, SERIAL, password)
    async with (
        open_pool(migrated_database_url) as pool,
        services(broker, migrated_database_url, tmp_path),
    ):
        yield World(broker, pool, tmp_path / "memory.json", password)
    await delete_device_user(broker.management_url, SERIAL)


async def test_a_configuration_is_taken_refused_and_sent_again_to_a_device_that_comes_back_older(
    world: World,
) -> None:
    with world.device():
        await world.is_there()
        await world.want({"rate": 50})
        await world.becomes(SyncState.IN_SYNC, 1)
        await world.want({"rate": 200})
        refused = await world.becomes(SyncState.REJECTED, 2)
        assert refused.reported is not None
        assert ("rate: at most 100", 1) == (refused.reported.error, refused.reported.version)
        await world.want({"rate": 60})
        await world.becomes(SyncState.IN_SYNC, 3)
        assert Presence.ONLINE is (await show_device(world.pool, SERIAL)).presence

    assert "last_will" == await world.goes()

    # Somebody has put an old copy back; and the last time that it was sent something is long ago.
    world.memory.write_text(json.dumps({"version": 1, "document": {"rate": 50}}))
    await world.pool.execute(
        "UPDATE configuration_delivery SET sent_at = sent_at - interval '1 hour'"
    )
    with world.device():
        await eventually(lambda: world.runs() == {"version": 3, "document": {"rate": 60}}, 60.0)
        await world.becomes(SyncState.IN_SYNC, 3)
        assert Presence.ONLINE is (await show_device(world.pool, SERIAL)).presence

    types = await world.pool.fetch(
        "SELECT type FROM journal WHERE entity IN ('presence', 'configuration') ORDER BY position"
    )
    assert 3 == [row["type"] for row in types].count("configuration_desired")
    assert 1 == [row["type"] for row in types].count("configuration_rejected")
