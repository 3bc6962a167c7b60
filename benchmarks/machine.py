"""What a run was measured on."""

import json
import os
import platform
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import asyncpg

from weir.testing.addresses import HTTP_TIMEOUT_S, BrokerAddress

_PACKAGES = ("asyncpg", "rstream", "protobuf", "numpy", "uvloop")


@dataclass(frozen=True)
class Machine:
    """Processor, memory and versions; `load`: the one-minute load before the run."""

    processor: str
    core_count: int
    memory_gb: float
    python: str
    packages: dict[str, str]
    load: float

    @property
    def sentence(self) -> str:
        """Say it in a line."""
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.processor}, {self.core_count} cores, {self.memory_gb:.0f} GB, "
            f"load {self.load:.2f}; Python {self.python}, {packages}"
        )


def describe_machine() -> Machine:
    """Read what this computer is from /proc and the installed packages."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        core_count=os.cpu_count() or 1,
        memory_gb=pages / 1024**3,
        python=platform.python_version(),
        packages={name: version(name) for name in _PACKAGES},
        load=os.getloadavg()[0],
    )


async def describe_servers(broker: BrokerAddress, postgres_url: str) -> str:
    """Say which servers were measured."""
    connection = await asyncpg.connect(postgres_url)
    try:
        postgres = (await connection.fetchval("SHOW server_version")).split()[0]
    finally:
        await connection.close()
    overview = _overview(broker.management_url)
    rabbitmq, erlang = overview["rabbitmq_version"], overview["erlang_version"]
    return f"RabbitMQ {rabbitmq} on Erlang {erlang}, PostgreSQL {postgres}"


def _overview(management_url: str) -> dict[str, str]:
    parts = urlsplit(management_url)
    login, _, host = parts.netloc.rpartition("@")
    token = b64encode(unquote(login).encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - a benchmark's own server
        f"{parts.scheme}://{host}/api/overview", headers={"Authorization": f"Basic {token}"}
    )
    with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT_S) as response:  # noqa: S310
        overview: dict[str, str] = json.load(response)
    return overview


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
