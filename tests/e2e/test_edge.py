"""The edge agent as a process that is killed again and again, with the real writer behind it."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import asyncpg
import pytest

from tests.integration.mqtt.proxy import Link, open_link
from tests.integration.producers.conftest import Site
from weir.codec.measurement import MeasurementBatch
from weir.embedded.process import ProcessSpec
from weir.paths import ROOT
from weir.postgres.pool import open_pool
from weir.rabbitmq.access import delete_device_user
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually
from weir.testing.running import running
from weir.testing.servers import running as running_processes

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.rabbitmq,
    pytest.mark.postgres,
    pytest.mark.mqtt,
    pytest.mark.timeout(300),
]

TIMEOUT_S = 90.0
SERIALS = ("pump-1", "pump-2")
PERIOD_US = 20_000
KILL_COUNT = 4


@dataclass
class Edge:
    """An agent's folder, and its process."""

    folder: Path
    site: Site
    process: "subprocess.Popen[bytes] | None" = None

    def write(self, url: str) -> None:
        devices = [
            {
                "serial": serial,
                "driver": "vibration",
                "password": self.site.credentials[serial],
                "interval_s": 0.2,
                "settings": {"sample_rate_hz": 1_000_000 / PERIOD_US},
            }
            for serial in SERIALS
        ]
        raw = {"broker": {"url": url}, "devices": devices}
        (self.folder / "edge.json").write_text(json.dumps(raw))

    def start(self) -> None:
        environ = {name: value for name, value in os.environ.items() if name[:5] != "WEIR_"}
        environ |= {"PYTHONPATH": str(ROOT)}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "producers", "--config", str(self.folder / "edge.json")],
                env=environ,
                cwd=self.folder,
                stderr=log,
            )

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def spooled(self) -> int:
        with closing(sqlite3.connect(self.folder / "edge.spool")) as connection:
            return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])


@pytest.fixture
async def pool(migrated_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(migrated_database_url) as pool:
        yield pool


@pytest.fixture(params=["broker", pytest.param("newest_broker", marks=pytest.mark.newest)])
async def edge(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Edge]:
    broker = request.getfixturevalue(request.param)
    assert isinstance(broker, Broker)
    await apply_topology(broker.amqp_url, 1)
    site = Site(broker)
    await site.admit(SERIALS)
    edge = Edge(tmp_path, site)
    yield edge
    if edge.process is not None and edge.process.poll() is None:
        edge.process.kill()
        edge.process.wait()
    for serial in SERIALS:
        await delete_device_user(broker.management_url, serial)


@asynccontextmanager
async def writer(broker: Broker, database_url: str, logs: Path) -> AsyncIterator[None]:
    environ = {
        **{name: value for name, value in os.environ.items() if name[:5] != "WEIR_"},
        "WEIR_AMQP_URL": broker.amqp_url,
        "WEIR_STREAM_URL": broker.stream_url,
        "WEIR_POSTGRES_URL": database_url,
    }
    argv = (sys.executable, "-m", "weir", "run", "measurements")
    with running_processes(ProcessSpec("writer", argv, environ, ROOT), logs=logs):
        yield


async def test_an_agent_that_is_killed_again_and_again_loses_no_batch_and_stores_none_twice(
    edge: Edge, pool: asyncpg.Pool, migrated_database_url: str, tmp_path: Path
) -> None:
    rng = random.Random(20)
    batches: list[MeasurementBatch] = []
    async with (
        writer(edge.site.broker, migrated_database_url, tmp_path),
        running(collect(edge.site, batches)),
        open_link(edge.site.device_url) as link,
    ):
        edge.write(link.url)
        for number in range(KILL_COUNT):
            edge.start()
            await boots(batches, number + 1)
            # The link may be there or away when the agent dies, or come back just then.
            await trouble(link, rng)
            edge.end(signal.SIGKILL)
            await mend(link)
        edge.start()
        await boots(batches, KILL_COUNT + 1)
        await eventually(lambda: edge.spooled() <= 2 * len(SERIALS), TIMEOUT_S)
        assert 0 == edge.end(signal.SIGTERM)
        assert 0 == edge.spooled()
        await account(pool, batches)
    for serial in SERIALS:
        # At each death only what was not yet a message; nothing in between.
        assert len(holes_of(batches, serial)) <= KILL_COUNT


async def collect(site: Site, batches: list[MeasurementBatch]) -> None:
    async with site.batches() as arriving:
        while True:
            batches.append(await anext(arriving))


async def boots(batches: Sequence[MeasurementBatch], count: int) -> None:
    """Wait until every device has sent in so many lives of the agent."""

    def have_sent() -> bool:
        lives = {(batch.serial, batch.boot_id) for batch in batches}
        return all(sum(serial == each for each, _ in lives) >= count for serial in SERIALS)

    await eventually(have_sent, TIMEOUT_S)


async def trouble(link: Link, rng: random.Random) -> None:
    if rng.random() < 0.5:
        await link.take_down()
    pause = rng.uniform(0.2, 1.5)
    loop = asyncio.get_running_loop()
    until_s = loop.time() + pause
    await eventually(lambda: loop.time() >= until_s)


async def mend(link: Link) -> None:
    await link.take_down()
    await link.bring_up()


async def account(pool: asyncpg.Pool, batches: Sequence[MeasurementBatch]) -> None:
    """Every number of every life has arrived, and every reading is stored exactly once."""

    async def all_is_stored() -> bool:
        stored = await pool.fetchval("SELECT count(*) FROM reading")
        return bool(stored == len(set(readings_of(batches))))

    await eventually(all_is_stored, TIMEOUT_S)
    for boot in {(batch.serial, batch.boot_id) for batch in batches}:
        numbers = {batch.sequence for batch in batches if (batch.serial, batch.boot_id) == boot}
        assert set(range(1, max(numbers) + 1)) == numbers, boot


def readings_of(batches: Sequence[MeasurementBatch]) -> Iterator[tuple[str, str, int]]:
    for batch in batches:
        for column in batch.columns:
            for instant in column.observed_at_us:
                yield batch.serial, column.name, int(instant)


def holes_of(batches: Sequence[MeasurementBatch], serial: str) -> list[int]:
    """Give how long the holes between samples are, in microseconds."""
    wanted = (serial, "acceleration")
    instants = sorted({each[2] for each in readings_of(batches) if each[:2] == wanted})
    distances = (later - earlier for earlier, later in pairwise(instants))
    return [distance for distance in distances if distance > PERIOD_US]
