"""A gateway that is a process, in front of the servers of a test."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.integration.gateway.test_server import STOP_TIMEOUT_S, Gateway
from tests.integration.runtime.pipeline import Pipeline
from weir.embedded.ports import free_ports
from weir.paths import ROOT


@asynccontextmanager
async def open_gateway(pipeline: Pipeline, token: str, folder: Path) -> AsyncIterator[Gateway]:
    """Run a gateway that may publish; it is ready when the block begins."""
    (port,) = free_ports(1)
    gateway = Gateway(pipeline.database_url, port, folder / "gateway.log")
    environ = {
        "WEIR_POSTGRES_URL": pipeline.database_url,
        "WEIR_AMQP_URL": pipeline.broker.amqp_url,
        "WEIR_GATEWAY_TOKEN": token,
        "WEIR_GATEWAY_PORT": str(port),
    }
    with _running(gateway, environ):
        await gateway.answers("/readyz", 200)
        yield gateway


@contextmanager
def _running(gateway: Gateway, environ: dict[str, str]) -> Iterator[None]:
    with (
        gateway.log_path.open("ab") as log,
        subprocess.Popen(
            [sys.executable, "-m", "weir", "run", "gateway"], cwd=ROOT, env=environ, stderr=log
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            process.wait(STOP_TIMEOUT_S)
