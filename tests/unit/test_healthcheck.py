"""What a probe says of a service: silence when it is well, the reason when it is not."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from weir.healthcheck import HEARTBEAT, HEARTBEAT_AGE_S_MAX, liveness, readiness

NOW_S = 1_700_000_000.0


@contextmanager
def answering(text: str, status: int = 200) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"# HELP {HEARTBEAT} x\n{HEARTBEAT} {NOW_S - 1}\n", ""),
        (f"{HEARTBEAT} {NOW_S - HEARTBEAT_AGE_S_MAX}\n", ""),
        (f"{HEARTBEAT} {NOW_S - HEARTBEAT_AGE_S_MAX - 1}\n", "has not run for 61 s"),
        ("python_info 1\n", f"there is no {HEARTBEAT}"),
    ],
    ids=["well", "busy", "hung", "somebody else"],
)
def test_a_service_is_well_while_its_loop_comes_round(text: str, problem: str) -> None:
    with answering(text) as port:
        said = liveness({"WEIR_METRICS_PORT": str(port)}, lambda: NOW_S)
    assert problem in said
    assert bool(problem) == bool(said)


def test_a_service_that_nobody_can_ask_is_not_well() -> None:
    assert "WEIR_METRICS_PORT is not set" == liveness({}, lambda: NOW_S)
    with answering("") as port:
        pass
    assert f"http://127.0.0.1:{port}/metrics" in liveness(
        {"WEIR_METRICS_PORT": str(port)}, lambda: NOW_S
    )


def test_a_gateway_that_cannot_serve_is_not_ready() -> None:
    with answering("{}") as port:
        assert "" == readiness({"WEIR_GATEWAY_PORT": str(port)})
    with answering("{}", status=503) as port:
        assert "503" in readiness({"WEIR_GATEWAY_PORT": str(port)})


def test_a_probe_costs_the_standard_library_only() -> None:
    code = "import sys, weir.healthcheck; print(*(m.partition('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert {"weir"} == set(loaded.stdout.split()) & {"weir", "pydantic", "structlog", "asyncio"}
