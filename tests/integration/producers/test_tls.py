"""The agent and a broker that speaks TLS to known clients only: what is refused, and renewed."""

import asyncio
import json
import secrets
import shutil
import sqlite3
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from producers.agent.agent import run_agent
from producers.agent.file import read_file
from tests.integration.producers.authority import EXPIRED, Authority, Pair
from tests.integration.producers.conftest import TIMEOUT_S, Site
from tests.integration.producers.tls_broker import TlsBroker, open_tls_broker
from weir.codec.measurement import MeasurementBatch
from weir.embedded import rabbitmq_programs
from weir.embedded.ports import LOOPBACK
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import open_vhost
from weir.testing.conditions import eventually
from weir.testing.running import running

pytestmark = [
    pytest.mark.mqtt,
    pytest.mark.rabbitmq,
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        not rabbitmq_programs.is_installed(), reason="rabbitmq-server is not installed"
    ),
]

SERIAL, AGENT = "pump-1", "edge-1"
OWN = {"certificate": "edge.pem", "key": "edge.key"}
Logs = list[Any]


@dataclass
class Edge:
    """An agent's folder, with files for TLS that the broker takes."""

    folder: Path
    site: Site
    broker: TlsBroker

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def own(self) -> Pair:
        return Pair(self.folder / "edge.pem", self.folder / "edge.key")

    def write(self, host: str = LOOPBACK, **tls: str) -> None:
        url = self.broker.url(self.site.broker.vhost, host)
        device = {
            "serial": SERIAL,
            "driver": "vibration",
            "password": self.site.credentials[SERIAL],
            "interval_s": 0.1,
            "settings": {"sample_rate_hz": 20},
        }
        raw = {
            "broker": {"url": url, "ca": "ca.pem", **tls},
            "agent": {
                "serial": AGENT,
                "password": self.site.credentials[AGENT],
                "interval_s": 1,
            },
            "devices": [device],
        }
        (self.folder / "edge.json").write_text(json.dumps(raw))

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        task = asyncio.create_task(run_agent(read_file(self.folder / "edge.json"), {}, stop))
        try:
            yield
            stop.set()
            await asyncio.wait_for(task, TIMEOUT_S)
        finally:
            task.cancel()

    def spooled(self) -> int:
        with closing(sqlite3.connect(self.folder / "edge.spool")) as connection:
            return int(connection.execute("SELECT count(*) FROM message").fetchone()[0])


@pytest.fixture(scope="module")
def tls_broker() -> Iterator[TlsBroker]:
    # Not pytest's own, which is closed to the account that the node runs as.
    folder = Path(tempfile.mkdtemp(prefix="weir-test-"))
    folder.chmod(0o755)
    with open_tls_broker(folder) as broker:
        yield broker
    shutil.rmtree(folder)


@pytest.fixture
async def edge(tls_broker: TlsBroker, tmp_path: Path) -> AsyncIterator[Edge]:
    with open_vhost(tls_broker.address, f"test-{secrets.token_hex(6)}") as broker:
        await apply_topology(broker.amqp_url, 1)
        site = Site(broker)
        await site.admit([SERIAL, AGENT])
        edge = Edge(tmp_path, site, tls_broker)
        tls_broker.authority.write(edge.ca)
        tls_broker.authority.issue(edge.own, "edge")
        edge.write(**OWN)
        yield edge


async def all_arrives(edge: Edge) -> list[MeasurementBatch]:
    """Wait until batches of both devices arrive; those of before are among them."""
    batches: list[MeasurementBatch] = []

    async def collect() -> None:
        async with edge.site.batches() as arriving:
            while True:
                batches.append(await anext(arriving))

    def is_whole() -> bool:
        numbers = {batch.sequence for batch in batches if batch.serial == SERIAL}
        is_there = len(numbers) > 5 and AGENT in {batch.serial for batch in batches}
        return is_there and set(range(1, max(numbers) + 1)) == numbers

    async with running(collect()):
        await eventually(is_whole, TIMEOUT_S)
    return batches


def losses(logs: Logs) -> list[str]:
    return [entry["error"] for entry in logs if entry["event"] == "dependency_lost"]


def assert_told(logs: Logs, said: str) -> None:
    """Each of the two devices has said it, once."""
    assert [True, True] == [said in told for told in losses(logs)]


async def test_readings_arrive_over_tls_with_a_certificate_of_the_client(edge: Edge) -> None:
    with capture_logs() as logs:
        async with edge.agent():
            batches = await all_arrives(edge)
    assert [] == losses(logs)
    columns = [column for batch in batches for column in batch.columns]
    days = {float(c.numbers[0]) for c in columns if c.name == "certificate.days"}
    assert all(29 < each < 31 for each in days)
    assert days


def expire(edge: Edge) -> None:
    edge.broker.authority.issue(edge.own, "edge", EXPIRED)


def come_from_elsewhere(edge: Edge) -> None:
    Authority("somebody else").issue(edge.own, "edge")


def trust_somebody_else(edge: Edge) -> None:
    Authority("somebody else").write(edge.ca)


def renew(edge: Edge) -> None:
    edge.broker.authority.issue(edge.own, "edge")


def trust_the_broker(edge: Edge) -> None:
    edge.broker.authority.write(edge.ca)


@pytest.mark.parametrize(
    ("spoil", "said", "mend"),
    [
        (expire, "certificate of this computer has expired: replace the files", renew),
        (come_from_elsewhere, "does not know who has signed the certificate of this", renew),
        (trust_somebody_else, "not of an authority that is trusted here", trust_the_broker),
    ],
    ids=["expired", "foreign", "wrong authority"],
)
async def test_what_is_refused_is_told_and_goes_on_when_the_files_are_replaced(
    edge: Edge, spoil: Callable[[Edge], None], said: str, mend: Callable[[Edge], None]
) -> None:
    spoil(edge)
    with capture_logs() as logs:
        async with edge.agent():
            await eventually(lambda: len(losses(logs)) == 2, TIMEOUT_S)
            await eventually(lambda: edge.spooled() > 5, TIMEOUT_S)
            mend(edge)
            await all_arrives(edge)
            await eventually(lambda: edge.spooled() < 3, TIMEOUT_S)
    assert_told(logs, said)
    assert 2 == sum(entry["event"] == "dependency_recovered" for entry in logs)
    assert "certificate_renewed" in str(logs)


async def test_a_broker_whose_certificate_has_expired_is_told_and_found_when_it_is_renewed(
    edge: Edge,
) -> None:
    authority, server = edge.broker.authority, edge.broker.server
    authority.issue(server, "broker", EXPIRED)
    try:
        await eventually(lambda: is_refused(edge), TIMEOUT_S)
        with capture_logs() as logs:
            async with edge.agent():
                await eventually(lambda: len(losses(logs)) == 2, TIMEOUT_S)
                await eventually(lambda: edge.spooled() > 5, TIMEOUT_S)
                authority.issue(server, "broker")
                await all_arrives(edge)
    finally:
        authority.issue(server, "broker")
    assert_told(logs, "its certificate has expired: renew it at the broker")


async def is_refused(edge: Edge) -> bool:
    """Tell whether the node has noticed that its certificate is another one."""
    context = ssl.create_default_context(cafile=edge.ca)
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, edge.broker.port, ssl=context)
    except ssl.SSLCertVerificationError:
        return True
    writer.close()
    return False


@pytest.mark.parametrize(
    ("host", "tls", "said"),
    [
        (LOOPBACK, {}, "it wants a certificate of this computer, and there is none"),
        ("localhost", OWN, "its certificate is of another name"),
    ],
    ids=["no certificate", "wrong host"],
)
async def test_what_the_file_says_wrong_is_told_and_goes_on_when_it_is_mended(
    edge: Edge, host: str, tls: dict[str, str], said: str
) -> None:
    edge.write(host, **tls)
    with capture_logs() as logs:
        async with edge.agent():
            await eventually(lambda: len(losses(logs)) == 2, TIMEOUT_S)
            await eventually(lambda: edge.spooled() > 5, TIMEOUT_S)
            edge.write(**OWN)
            await all_arrives(edge)
    assert_told(logs, said)
