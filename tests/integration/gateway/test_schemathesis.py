"""The gateway keeps what its contract promises, whatever it is asked.

Schemathesis makes requests out of the OpenAPI description, right ones and wrong ones, and compares
the answers with it: all checks, all endpoints, against a process with a real database and broker.
`WEIR_TEST_SCHEMATHESIS_S` gives it more time than the usual minute.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.gateway.conftest import TOKEN, AddDevice, AddReadings
from tests.integration.gateway.test_server import Gateway
from weir.embedded.ports import free_ports
from weir.paths import ROOT
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.rabbitmq,
    pytest.mark.slow,
    pytest.mark.timeout(600),
]

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
HOOKS = "tests.integration.gateway.schemathesis_hooks"
TIME_S = os.environ.get("WEIR_TEST_SCHEMATHESIS_S", "60")
#: Beyond the time that it is given it finishes what is under way.
PATIENCE_S = int(TIME_S) + 300


@pytest.fixture
async def gateway(
    migrated_database_url: str,
    broker: Broker,
    tmp_path: Path,
    add_device: AddDevice,
    add_readings: AddReadings,
) -> Gateway:
    """Give a gateway of an installation in which there is something."""
    await apply_topology(broker.amqp_url, 1)
    await add_device("pump-1", model="VX-1")
    await add_readings("pump-1", "pressure", {second: float(second) for second in range(20)})
    (port,) = free_ports(1)
    environ = {"WEIR_AMQP_URL": broker.amqp_url, "WEIR_GATEWAY_REQUESTS_PER_S": "100000"}
    return Gateway(migrated_database_url, port, tmp_path / "gateway.log", environ)


async def make_account(gateway: Gateway) -> None:
    """Let there be a user and a token to be found."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers) as client:
        await client.post("/v1/users", json={"name": "anna"})
        await client.post("/v1/tokens", json={"name": "grafana", "owner": "anna"})


def ask_everything(gateway: Gateway, cwd: Path) -> subprocess.CompletedProcess[str]:
    options = {
        "--header": f"Authorization: Bearer {TOKEN}",
        "--checks": "all",
        "--max-time": TIME_S,
        "--request-timeout": "40",
    }
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
            *("run", f"{gateway.url}/openapi.json", "--generation-deterministic", "--no-color"),
            *(text for option in options.items() for text in option),
        ],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


async def test_whatever_it_is_asked_it_answers_as_promised(
    gateway: Gateway, tmp_path: Path
) -> None:
    with gateway.running():
        await gateway.answers("/readyz", 200)
        await make_account(gateway)
        result = await asyncio.to_thread(ask_everything, gateway, tmp_path)

    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr[-2_000:]
    assert "request_crashed" not in gateway.events()
