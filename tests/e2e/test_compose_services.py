"""What compose.yaml starts, as processes: in order, healthy by its own checks, doing its work."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.e2e.compose_services import COMPOSE, ComposeHost, Running
from weir.testing.addresses import BrokerAddress
from weir.testing.conditions import eventually
from weir.testing.servers import open_broker

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.rabbitmq,
    pytest.mark.postgres,
    pytest.mark.timeout(300),
]

STOP_TIMEOUT_S = 30.0
TASKS = ("database", "migrate", "topology")
SERVICES = COMPOSE["services"]
#: Those of ours that last; `iotctl run` is theirs.
LASTING = [
    name
    for name, each in SERVICES.items()
    if each["image"].startswith("weir:") and each["command"][0] == "run"
]
#: From a device to an answer.
SHORTEST = ["measurements", "gateway", "simulator-1"]


@pytest.fixture
def own_broker() -> Iterator[BrokerAddress]:
    """A broker of its own: the users of compose.yaml have the names of the others' users."""
    with open_broker({}) as address:
        yield address


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(SHORTEST, id="shortest"),
        pytest.param(LASTING, id="all", marks=pytest.mark.slow),
    ],
)
async def test_the_services_of_compose_do_their_work(
    tmp_path: Path, own_broker: BrokerAddress, database_url: str, names: list[str]
) -> None:
    host = ComposeHost(tmp_path, own_broker, database_url)
    let_in(own_broker, tmp_path / "secrets" / "rabbitmq-definitions.json")
    for task in TASKS:
        host.run(task)
    with started(host, names) as running:
        for service in running:
            await eventually(partial(is_healthy, service), 60.0)
        connection = await asyncpg.connect(database_url)
        try:
            await eventually(lambda: has_readings(connection))
        finally:
            await connection.close()
        (gateway,) = (service for service in running if service.name == "gateway")
        assert ["sim-001"] == devices(gateway)[:1]


def let_in(broker: BrokerAddress, definitions: Path) -> None:
    """Load the users as the broker's container does; then it has the passwords of the file."""
    answer = httpx.post(
        f"{broker.management_url.rstrip('/')}/api/definitions",
        json=json.loads(definitions.read_bytes()),
    )
    assert answer.is_success, answer.text


@contextmanager
def started(host: ComposeHost, names: list[str]) -> Iterator[list[Running]]:
    with ExitStack() as stack:
        running = []
        for name in names:
            service = host.start(name)
            stack.callback(end, service)
            running.append(service)
        yield running
        for service in running:
            service.process.terminate()
        for service in running:
            assert service.process.wait(STOP_TIMEOUT_S) == 0, service.log.read_text()


def is_healthy(service: Running) -> bool:
    problem = service.problem()
    assert not problem, problem
    return True


def end(service: Running) -> None:
    if service.process.poll() is None:
        service.process.kill()
        service.process.wait()


async def has_readings(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM reading)"))


def devices(gateway: Running) -> list[str]:
    token = Path(gateway.environ["WEIR_GATEWAY_TOKEN_FILE"]).read_text()
    answer = httpx.get(
        f"http://127.0.0.1:{gateway.environ['WEIR_GATEWAY_PORT']}/v1/devices",
        headers={"Authorization": f"Bearer {token}"},
    )
    return [device["serial"] for device in answer.json()["devices"]]
