"""From one RabbitMQ node to three under load, and the death of the one that led everything."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.chaos.publisher import Brake
from tests.e2e.cluster import NODE_COUNT, Cluster, Node, open_cluster
from tests.integration.runtime.pipeline import body
from weir.codec.registry import encode_announcement
from weir.embedded import rabbitmq_programs
from weir.embedded.process import ProcessSpec
from weir.model.announcement import Announcement
from weir.model.names import partition_streams
from weir.mqtt.address import MqttAddress
from weir.paths import ROOT
from weir.postgres.pool import open_pool
from weir.rabbitmq.topology import apply_topology
from weir.runtime.publisher import DevicePublisher
from weir.testing.conditions import eventually
from weir.testing.servers import running

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.postgres,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not rabbitmq_programs.is_installed(), reason="rabbitmq-server is not installed"
    ),
]

PARTITION_COUNT = 2
DEVICE_COUNT = 4
#: Messages a second of one device, and how many it has under way.
RATE = 40.0
WINDOW = 8
#: Acknowledged and stored between two steps, by all devices.
PROGRESS_COUNT = 300
#: For what takes seconds alone, on a machine that does something else.
TIMEOUT_S = 180.0


@dataclass
class Device:
    """Publishes like an edge device until it is told to end, and keeps an account."""

    serial: str
    url: str
    attempted: set[float] = field(default_factory=set)
    acknowledged: set[float] = field(default_factory=set)
    announced: str = ""

    async def run(self, is_enough: asyncio.Event) -> None:
        brake = Brake(RATE)
        count = len(self.attempted)
        address = MqttAddress.of_device(self.url, self.serial)
        async with DevicePublisher(address, patience_s=TIMEOUT_S) as publisher:
            while not is_enough.is_set():
                await brake.wait(WINDOW)
                for _ in range(WINDOW):
                    count += 1
                    await self._measure(publisher, float(count))
                # Announcements go another way, so that publishes and streams count differently.
                firmware = f"1.{count}"
                announcement = encode_announcement(Announcement(self.serial, "P-1", firmware, ()))
                await publisher.publish(
                    "registry", announcement, partial(setattr, self, "announced", firmware)
                )
            await publisher.flush()

    async def _measure(self, publisher: DevicePublisher, value: float) -> None:
        self.attempted.add(value)
        await publisher.publish(
            "measurements",
            body(int(value), [value]),
            partial(self.acknowledged.add, value),
        )


@dataclass
class Site:
    """A cluster and a database, the services between them, and the devices."""

    cluster: Cluster
    database_url: str
    pool: asyncpg.Pool
    devices: list[Device]

    def service(self, name: str) -> ProcessSpec:
        others = {name: value for name, value in os.environ.items() if name[:5] != "WEIR_"}
        environ = {
            **others,
            "WEIR_AMQP_URL": self.cluster.amqp_url,
            "WEIR_STREAM_URL": self.cluster.stream_url,
            "WEIR_POSTGRES_URL": self.database_url,
            "WEIR_PARTITION_COUNT": str(PARTITION_COUNT),
        }
        return ProcessSpec(name, (sys.executable, "-m", "weir", "run", name), environ, ROOT)

    async def progress(self) -> None:
        """Return when some hundred more are acknowledged, and some hundred more are stored."""
        acknowledged, stored = self._acknowledged_count(), await self._stored_count()

        async def has_moved() -> bool:
            return (
                self._acknowledged_count() >= acknowledged + PROGRESS_COUNT
                and await self._stored_count() >= stored + PROGRESS_COUNT
            )

        await eventually(has_moved, TIMEOUT_S)

    @asynccontextmanager
    async def at_work(self, logs: Path) -> AsyncIterator[None]:
        """Publish, store and register in the block; returns when all that was sent is there."""
        is_enough = asyncio.Event()
        services = [self.service("measurements"), self.service("registry")]
        with running(*services, logs=logs) as processes:
            async with asyncio.TaskGroup() as tasks:
                for device in self.devices:
                    tasks.create_task(device.run(is_enough))
                yield
                is_enough.set()
            await eventually(self._is_all_stored, TIMEOUT_S)
            assert [None, None] == [process.exit_code for process in processes]

    async def judge(self) -> None:
        """Compare what is stored with the devices' accounts."""
        stored = await self.stored()
        for device in self.devices:
            values = stored[device.serial]
            assert len(values) == len(set(values))
            assert device.acknowledged <= set(values) <= device.attempted
        assert 0 == await self.pool.fetchval("SELECT count(*) FROM dead_letter")

    async def _is_all_stored(self) -> bool:
        stored, firmware = await self.stored(), await self.firmware()
        for device in self.devices:
            lost = device.acknowledged - set(stored.get(device.serial, []))
            assert not lost, f"{device.serial}: {len(lost)} are not stored, such as {min(lost)}"
            assert device.announced == firmware[device.serial]
        return True

    async def stored(self) -> dict[str, list[float]]:
        """Give the values of each device, as often as they are stored."""
        rows = await self.pool.fetch(
            "SELECT serial, array_agg(value) AS values FROM reading"
            " JOIN series USING (series_id) JOIN device USING (device_id) GROUP BY serial"
        )
        return {row["serial"]: row["values"] for row in rows}

    async def firmware(self) -> dict[str, str]:
        rows = await self.pool.fetch("SELECT serial, firmware FROM device")
        return {row["serial"]: row["firmware"] for row in rows}

    def _acknowledged_count(self) -> int:
        return sum(len(device.acknowledged) for device in self.devices)

    async def _stored_count(self) -> int:
        return int(await self.pool.fetchval("SELECT count(*) FROM reading"))


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="weir-test-"))
    # The brokers run as another account when we are root.
    folder.chmod(0o755)  # noqa: ASYNC240 - nothing else runs
    async with open_cluster(folder) as cluster:
        yield cluster
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def site(cluster: Cluster, migrated_database_url: str) -> AsyncIterator[Site]:
    devices = [Device(f"pump-{number}", cluster.mqtt_url(number)) for number in range(DEVICE_COUNT)]
    async with open_pool(migrated_database_url) as pool:
        yield Site(cluster, migrated_database_url, pool, devices)


async def test_nothing_is_lost_when_the_node_that_leads_a_stream_is_killed(
    site: Site, tmp_path: Path
) -> None:
    site.cluster.join_at_start()
    await asyncio.gather(*(node.start() for node in site.cluster.nodes))
    await apply_topology(site.cluster.amqp_url, PARTITION_COUNT)
    async with site.at_work(tmp_path):
        await site.progress()
        await eventually(partial(_is_spread, site.cluster), TIMEOUT_S)
        (await _leader(site.cluster, partition_streams(PARTITION_COUNT)[0])).kill()
        await site.progress()
    await site.judge()


@pytest.mark.slow
async def test_one_node_becomes_three_and_each_may_be_killed_in_turn(
    site: Site, tmp_path: Path
) -> None:
    first, *others = site.cluster.nodes
    await first.start()
    await apply_topology(site.cluster.amqp_url, PARTITION_COUNT)
    async with site.at_work(tmp_path):
        await site.progress()
    # Nobody publishes meanwhile: 3.10.8 confirms and drops messages when a stream gets a member.
    for node in others:
        await node.start()
        await site.cluster.join(node)
        await site.cluster.spread(node)
    async with site.at_work(tmp_path):
        for _ in range(NODE_COUNT):
            await eventually(partial(_is_spread, site.cluster), TIMEOUT_S)
            killed = await _leader(site.cluster, partition_streams(PARTITION_COUNT)[0])
            killed.kill()
            await site.progress()
            await killed.start()
            await site.progress()
    await site.judge()


async def _is_spread(cluster: Cluster) -> bool:
    """Whether every queue and stream has a member on each node, and all of them are there."""
    queues = (await cluster.queues()).values()
    # The broker counts with a delay of seconds, and says nothing before.
    return all(
        NODE_COUNT == len(queue.get("members") or ()) == len(queue.get("online") or ())
        for queue in queues
    )


async def _leader(cluster: Cluster, stream: str) -> Node:
    queue: dict[str, Any] = (await cluster.queues())[stream]
    name = queue.get("leader") or queue["node"]
    (leader,) = (node for node in cluster.nodes if node.name == name)
    return leader
