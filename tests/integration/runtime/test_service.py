"""A service as a process: how it starts, stops and fails."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from weir.clock import SystemClock
from weir.embedded.ports import free_ports
from weir.healthcheck import liveness
from weir.paths import ROOT
from weir.testing.conditions import wait_until

MODULE = "tests.integration.runtime.services"


@contextmanager
def service(name: str, **environ: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a service and wait until it has said so; killed at the end of the block."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("WEIR_")}
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, name],
        cwd=ROOT,
        env=ours | environ,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(process: "subprocess.Popen[str]", event: str) -> None:
    assert process.stderr is not None
    assert any(f'"event": "{event}"' in line for line in process.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_service_in_good_order(number: signal.Signals) -> None:
    with service("patient") as process:
        wait_for(process, "service_started")
        process.send_signal(number)
        _, log = process.communicate(timeout=10)
    assert 0 == process.returncode
    assert f'"reason": "{number.name}"' in log
    assert "service_stopped" in log


def test_a_running_service_is_well() -> None:
    (port,) = free_ports(1)
    environ = {"WEIR_METRICS_PORT": str(port)}
    with service("patient", **environ) as process:
        wait_for(process, "service_started")
        wait_until(lambda: liveness(environ, SystemClock().now().timestamp) == "")


def test_a_second_signal_ends_a_service_that_does_not_stop() -> None:
    with service("stubborn") as process:
        wait_for(process, "service_started")
        process.terminate()
        wait_for(process, "service_stop_requested")
        process.terminate()
        process.communicate(timeout=5)
    assert 0 == process.returncode


def test_a_service_may_come_to_its_end_by_itself() -> None:
    with service("finite") as process:
        process.communicate(timeout=10)
    assert 0 == process.returncode


def test_every_problem_with_the_settings_is_told_whoever_found_it() -> None:
    with service("misconfigured") as process:
        _, log = process.communicate(timeout=10)
    assert log.endswith("ConfigError: one thing is wrong\nanother one too\n")


def test_the_first_of_several_that_fails_ends_the_process_and_is_named() -> None:
    with service("patient,misconfigured") as process:
        _, log = process.communicate(timeout=10)
    assert log.endswith("ConfigError: one thing is wrong\nanother one too\n")
    (failed,) = [line for line in log.splitlines() if '"event": "service_failed"' in line]
    assert '"consumer": "misconfigured"' in failed


def test_a_signal_ends_several_services_in_good_order() -> None:
    with service("patient,finite") as process:
        wait_for(process, "service_started")
        process.terminate()
        _, log = process.communicate(timeout=10)
    assert 0 == process.returncode
    assert "service_stopped" in log


def test_a_bug_shows_its_traceback() -> None:
    with service("crashing") as process:
        _, log = process.communicate(timeout=10)
    assert 1 == process.returncode
    assert "ZeroDivisionError: a bug" in log


def test_metrics_are_served_and_a_taken_port_is_named() -> None:
    (port,) = free_ports(1)
    with service("patient", WEIR_METRICS_PORT=str(port)) as process:
        wait_for(process, "service_started")
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        with service("patient", WEIR_METRICS_PORT=str(port)) as second:
            _, log = second.communicate(timeout=10)
    assert "weir_deliveries_total" in text
    assert "ConfigError: metrics cannot be served on WEIR_METRICS_HOST 127.0.0.1, " in log
    assert str(port) in log
