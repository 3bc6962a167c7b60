"""What the broker has acknowledged to devices is in its streams, however often it is killed.

Devices come back the moment that it listens again, which is when RabbitMQ 3.10.8 loses messages
without our plugin (`weir/embedded/rabbitmq_plugin.py`).
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.chaos.links import Link, LostError, open_link
from tests.chaos.servers import Broker
from tests.chaos.stream_log import mark_ends, read_log
from weir.embedded import rabbitmq_programs
from weir.embedded.ports import LOOPBACK, accepts
from weir.rabbitmq.topology import apply_topology
from weir.testing.conditions import eventually

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not rabbitmq_programs.is_installed(), reason="rabbitmq-server is not installed"
    ),
]

PARTITION_COUNT = 2
DEVICE_COUNT = 4
KILL_COUNT = 3
#: Acknowledged between two kills, by all devices.
PROGRESS_COUNT = 400
PROGRESS_TIMEOUT_S = 60.0
RESTART_TIMEOUT_S = 90.0
WINDOW = 8


class Device:
    """Publishes for ever over MQTT, and remembers what was acknowledged."""

    def __init__(self, number: int, url: str) -> None:
        self.acknowledged: list[bytes] = []
        self._serial = f"pump-{number}"
        self._url = url
        self._sent_count = 0

    async def run(self) -> None:
        while True:
            try:
                async with open_link(self._url, self._serial) as link:
                    while True:
                        await asyncio.gather(*(self._send(link) for _ in range(WINDOW)))
            except LostError:
                await eventually(self._is_listened_to, RESTART_TIMEOUT_S)

    def _is_listened_to(self) -> bool:
        return accepts(urlsplit(self._url).port or 0)

    async def _send(self, link: Link) -> None:
        self._sent_count += 1
        # Announcements go another way, so that publishes and streams count differently.
        if self._sent_count % 5 == 0:
            await link.send(self._serial, "registry", b"x")
            return
        body = f"{self._serial} {self._sent_count}".encode()
        await link.send(self._serial, "measurements", body)
        self.acknowledged.append(body)


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    folder = Path(tempfile.mkdtemp(prefix="weir-test-"))
    # The broker runs as another account when we are root.
    folder.chmod(0o755)  # noqa: ASYNC240 - nothing else runs
    broker = Broker(folder)
    await broker.mapper.start()
    await broker.start()
    yield broker
    broker.kill()
    broker.mapper.kill()
    shutil.rmtree(folder, ignore_errors=True)


async def test_what_was_acknowledged_survives_kills_of_the_broker(broker: Broker) -> None:
    node = broker.node
    await apply_topology(node.amqp_url, PARTITION_COUNT)
    address = urlsplit(node.amqp_url)
    login = address.netloc.rpartition("@")[0]
    url = f"mqtt://{login}@{LOOPBACK}:{node.ports.mqtt}"
    devices = [Device(number, url) for number in range(DEVICE_COUNT)]
    async with asyncio.TaskGroup() as tasks:
        publishing = [tasks.create_task(device.run()) for device in devices]
        for _ in range(KILL_COUNT):
            await _progress(devices)
            broker.kill()
            await broker.start()
        await _progress(devices)
        for task in publishing:
            task.cancel()

    acknowledged = {body for device in devices for body in device.acknowledged}
    assert set() == acknowledged - await _kept(broker)


async def test_streams_come_back_to_a_broker_that_is_killed_right_after_their_declaration(
    broker: Broker,
) -> None:
    await apply_topology(broker.node.amqp_url, PARTITION_COUNT)
    acknowledged = set()
    async with open_link(broker.node.amqp_url, "test") as link:
        for number in range(DEVICE_COUNT):
            body = f"{number}".encode()
            await link.send(f"pump-{number}", "measurements", body)
            acknowledged.add(body)
    broker.kill()
    await broker.start()

    assert set() == acknowledged - await _kept(broker)


async def test_devices_stay_in_their_partitions_when_the_broker_comes_back(broker: Broker) -> None:
    # So many that the order of their names as texts is another one.
    partition_count = 12
    await apply_topology(broker.node.amqp_url, partition_count)
    for run in range(2):
        async with open_link(broker.node.amqp_url, "test") as link:
            for number in range(partition_count):
                await link.send(f"pump-{number}", "measurements", f"{run}".encode())
        broker.kill()
        await broker.start()

    await mark_ends(broker.node.amqp_url, partition_count)
    log = await read_log(broker.node.stream_url, partition_count)
    places = {(entry.routing_key, entry.stream) for entry in log if "pump" in entry.routing_key}
    assert partition_count == len(places)


async def _kept(broker: Broker) -> set[bytes]:
    """Read what is in the streams, up to a last message that shows that they take more."""
    await mark_ends(broker.node.amqp_url, PARTITION_COUNT)
    log = await read_log(broker.node.stream_url, PARTITION_COUNT)
    return {entry.body for entry in log}


async def _progress(devices: list[Device]) -> None:
    """Return when some hundred more have been acknowledged."""
    start = _count(devices)
    await eventually(lambda: _count(devices) >= start + PROGRESS_COUNT, PROGRESS_TIMEOUT_S)


def _count(devices: list[Device]) -> int:
    return sum(len(device.acknowledged) for device in devices)
