"""The gateway as a process, and `iotctl` in front of it."""

import asyncio
import csv
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from tests.integration.gateway.conftest import TOKEN, AddDevice, AddReadings
from weir.embedded.ports import free_ports
from weir.paths import ROOT
from weir.postgres.migrate import migrate
from weir.testing.conditions import eventually

pytestmark = pytest.mark.postgres

STOP_TIMEOUT_S = 15
#: A second, on a machine of its own.
START_TIMEOUT_S = 60.0
COMMAND_TIMEOUT_S = 30


@dataclass(frozen=True)
class Gateway:
    """A gateway's process to be, and what asks it."""

    database_url: str
    port: int
    log_path: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        environ = {
            "WEIR_POSTGRES_URL": self.database_url,
            "WEIR_GATEWAY_TOKEN": TOKEN,
            "WEIR_GATEWAY_PORT": str(self.port),
            **self.environ,
        }
        with (
            self.log_path.open("ab") as log,
            subprocess.Popen(
                [sys.executable, "-m", "weir", "run", "gateway"],
                cwd=ROOT,
                env=environ,
                stderr=log,
                stdout=subprocess.PIPE,
            ) as process,
        ):
            try:
                yield process
            finally:
                process.terminate()
                process.wait(STOP_TIMEOUT_S)

    async def status_of(self, path: str) -> int:
        async with httpx.AsyncClient(base_url=self.url) as client:
            try:
                return (await client.get(path)).status_code
            except httpx.TransportError:
                return 0

    async def answers(self, path: str, status: int) -> None:
        async def does_it() -> bool:
            return await self.status_of(path) == status

        await eventually(does_it, START_TIMEOUT_S)

    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.log_path.read_text().splitlines()]

    def iotctl(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "weir", *arguments],
            cwd=ROOT,
            env={"WEIR_GATEWAY_URL": self.url, "WEIR_GATEWAY_TOKEN": TOKEN, **environ},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )

    @contextmanager
    def running_iotctl(self, output: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        with output.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "weir", *arguments],
                cwd=ROOT,
                env={"WEIR_GATEWAY_URL": self.url, "WEIR_GATEWAY_TOKEN": TOKEN},
                stdout=file,
                stderr=subprocess.PIPE,
                text=True,
            )
        with process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture
def gateway(database_url: str, tmp_path: Path) -> Gateway:
    (port,) = free_ports(1)
    return Gateway(database_url, port, tmp_path / "gateway.log")


async def test_the_gateway_waits_for_its_schema_and_stops_when_told(gateway: Gateway) -> None:
    with gateway.running() as process:
        await gateway.answers("/healthz", 200)
        await gateway.answers("/readyz", 503)
        await migrate(gateway.database_url)
        await gateway.answers("/readyz", 200)

        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_TIMEOUT_S) == 0

    assert "gateway_listening" in gateway.events()
    assert gateway.events()[-1] == "service_stopped"


async def test_a_database_that_comes_back_is_used_again(
    gateway: Gateway, migrated_database_url: str, postgres_url: str
) -> None:
    name = urlsplit(migrated_database_url).path[1:]
    server = await asyncpg.connect(postgres_url)
    try:
        with gateway.running():
            await gateway.answers("/readyz", 200)
            await server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            await server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
            )
            await gateway.answers("/readyz", 503)
            assert await gateway.status_of("/healthz") == 200
            await eventually(lambda: "dependency_lost" in gateway.events())

            await server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            await gateway.answers("/readyz", 200)
            await eventually(lambda: "dependency_recovered" in gateway.events())
    finally:
        await server.close()

    assert gateway.events().count("dependency_lost") == 1


def test_wrong_settings_are_all_named(gateway: Gateway) -> None:
    result = gateway.iotctl("run", "gateway", WEIR_GATEWAY_PORT="no")

    assert result.returncode == 78
    for name in ("WEIR_POSTGRES_URL", "WEIR_GATEWAY_PORT"):
        assert name in result.stderr


async def test_the_first_start_shows_a_password_once_and_no_log_has_it(
    gateway: Gateway, migrated_database_url: str
) -> None:
    assert migrated_database_url == gateway.database_url
    with gateway.running() as first:
        assert first.stdout
        line = (await asyncio.to_thread(first.stdout.readline)).decode()
        match = re.fullmatch(r"first start: log in as admin with the password (\S{24})\n", line)
        assert match
        async with httpx.AsyncClient(base_url=gateway.url) as client:
            body = {"name": "admin", "password": match[1]}
            assert (await client.post("/v1/auth/login", json=body)).status_code == 200
    with gateway.running() as second:
        await gateway.answers("/readyz", 200)
        second.terminate()
        assert second.stdout
        assert await asyncio.to_thread(second.stdout.read) == b""

    assert match[1] not in gateway.log_path.read_text()


async def test_a_taken_port_is_named(gateway: Gateway) -> None:
    with gateway.running():
        await gateway.answers("/healthz", 200)
        result = gateway.iotctl(
            "run",
            "gateway",
            WEIR_POSTGRES_URL=gateway.database_url,
            WEIR_GATEWAY_PORT=str(gateway.port),
        )

    assert result.returncode == 78
    assert f"WEIR_GATEWAY_PORT {gateway.port}" in result.stderr


async def test_commands_show_what_is_stored(
    gateway: Gateway, add_device: AddDevice, add_readings: AddReadings
) -> None:
    for index in range(3):
        await add_device(f"pump-{index}", model="VX-1")
    await add_readings("pump-1", "pressure", {0: 1.5, 1: 2.5}, "bar")
    await add_readings("pump-1", "mode", {0.5: 'idle, "x"'})
    with gateway.running():
        await gateway.answers("/readyz", 200)

        table = gateway.iotctl("devices", "list", "--limit", "2")
        assert [line.split()[0] for line in table.stdout.splitlines()] == [
            "SERIAL",
            "pump-0",
            "pump-1",
        ]
        assert "only the first 2" in table.stderr

        shown = json.loads(gateway.iotctl("devices", "show", "pump-1", "-o", "json").stdout)
        assert {f["field"]: f["last_value"] for f in shown["fields"]} == {
            "mode": 'idle, "x"',
            "pressure": 2.5,
        }

        printed = gateway.iotctl("readings", "get", "pump-1", "--limit", "0", "-o", "csv")
        assert list(csv.reader(io.StringIO(printed.stdout))) == [
            ["observed_at", "field", "value", "unit"],
            ["2026-03-14T15:09:26.000000Z", "pressure", "1.5", "bar"],
            ["2026-03-14T15:09:26.500000Z", "mode", 'idle, "x"', ""],
            ["2026-03-14T15:09:27.000000Z", "pressure", "2.5", "bar"],
        ]
        assert gateway.iotctl("dead", "list").stderr == "no dead letters\n"


async def test_the_shell_completes_serials(gateway: Gateway, add_device: AddDevice) -> None:
    for serial in ("pump-1", "pump-2", "crane-7"):
        await add_device(serial)
    typed = {
        "_IOTCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": "iotctl devices show pu",
        "COMP_CWORD": "3",
    }

    nothing = gateway.iotctl(**typed)
    with gateway.running():
        await gateway.answers("/readyz", 200)
        offered = gateway.iotctl(**typed)

    assert (nothing.stdout.strip(), nothing.stderr) == ("", "")
    assert ["pump-1", "pump-2"] == offered.stdout.split()


async def test_commands_that_fail_say_why_and_leave_their_exit_code(
    gateway: Gateway, migrated_database_url: str
) -> None:
    assert migrated_database_url == gateway.database_url
    away = gateway.iotctl("devices", "list")
    assert (away.returncode, away.stdout) == (4, "")
    assert "no answer from the gateway" in away.stderr
    with gateway.running():
        await gateway.answers("/readyz", 200)
        for arguments, environ, code in (
            (("devices", "show", "nobody"), {}, 3),
            (("devices", "show", "../status"), {}, 3),
            (("readings", "get", "nobody", "--since", "1h"), {}, 3),
            (("readings", "get", "nobody", "--since", "yesterday"), {}, 5),
            (("devices", "list"), {"WEIR_GATEWAY_TOKEN": "wrong"}, 6),
            (("devices", "list"), {"WEIR_GATEWAY_URL": "no address"}, 78),
            (("dead", "show", "one"), {}, 2),
        ):
            result = gateway.iotctl(*arguments, **environ)
            assert code == result.returncode, result
            assert result.stdout == ""
            assert "Traceback" not in result.stderr


async def test_tail_prints_each_reading_once_across_a_restart_of_the_gateway(
    gateway: Gateway, add_device: AddDevice, add_readings: AddReadings, tmp_path: Path
) -> None:
    await add_device("pump-1")
    await add_readings("pump-1", "a", {0: 0.0})
    output = tmp_path / "tail.jsonl"

    def printed() -> list[tuple[str, float]]:
        lines = output.read_text().splitlines(keepends=True)
        readings = [json.loads(line) for line in lines if line.endswith("\n")]
        return [(reading["field"], reading["value"]) for reading in readings]

    with gateway.running() as first:
        await gateway.answers("/readyz", 200)
        with gateway.running_iotctl(output, "readings", "tail", "pump-1", "-o", "json") as tail:
            await eventually(lambda: printed() == [("a", 0.0)])
            await add_readings("pump-1", "a", {second: float(second) for second in range(1, 9)})
            await add_readings("pump-1", "b", {second: float(second) for second in range(1, 5)})
            await eventually(lambda: len(printed()) == 13)

            first.terminate()
            first.wait(STOP_TIMEOUT_S)
            await add_readings("pump-1", "a", {second: float(second) for second in range(9, 12)})
            with gateway.running():
                await eventually(lambda: len(printed()) == 16)
                tail.send_signal(signal.SIGINT)
                _, errors = tail.communicate(timeout=STOP_TIMEOUT_S)

    expected = [("a", float(second)) for second in range(12)]
    expected += [("b", float(second)) for second in range(1, 5)]
    assert expected == sorted(printed())
    assert tail.returncode == 130
    assert errors.splitlines()[-1] == "the gateway is back"
    assert "Traceback" not in errors
