"""One private broker and one private database for a run, fresh for each scenario."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import psutil

from weir.clock import SystemClock
from weir.postgres.checkpoints import PostgresCheckpointStore
from weir.postgres.migrate import migrate
from weir.postgres.pool import open_pool
from weir.postgres.schema import make_partitions_ahead
from weir.rabbitmq.topology import apply_topology
from weir.testing.addresses import Broker, BrokerAddress, open_vhost
from weir.testing.databases import open_database

#: Asking more often takes a twentieth of a core from what is measured.
POLL_INTERVAL_S = 0.05
#: A scenario that stands still for this long has failed.
STALL_S = 60.0


class BenchmarkError(Exception):
    """A scenario did not do what it measures."""


@dataclass(frozen=True)
class Site:
    """A virtual host with our topology, and a migrated database."""

    broker: Broker
    postgres_url: str
    pool: asyncpg.Pool

    @property
    def environ(self) -> dict[str, str]:
        """Give the environment of a service here."""
        return {
            **os.environ,
            "WEIR_AMQP_URL": self.broker.amqp_url,
            "WEIR_STREAM_URL": self.broker.stream_url,
            "WEIR_POSTGRES_URL": self.postgres_url,
        }

    async def wait_for_offset(self, stream: str, offset: int) -> None:
        """Return as soon as the writer has committed everything before `offset`.

        Raises:
            BenchmarkError: it stands still.
        """
        store = PostgresCheckpointStore(self.pool)
        clock = asyncio.get_running_loop().time
        seen, seen_at = -1, clock()
        while (reached := await store.next_offset("measurements", stream)) < offset:
            if reached != seen:
                seen, seen_at = reached, clock()
            if clock() - seen_at > STALL_S:
                raise BenchmarkError(f"the writer stands at {reached} of {offset}")
            await asyncio.sleep(POLL_INTERVAL_S)


@asynccontextmanager
async def open_site(address: BrokerAddress, postgres_url: str) -> AsyncIterator[Site]:
    """Make a virtual host and a database for one scenario, and delete them after it."""
    name = f"bench_{secrets.token_hex(4)}"
    with open_vhost(address, name.replace("_", "-")) as broker:
        await apply_topology(broker.amqp_url, 1)
        async with open_database(postgres_url, name) as url:
            await migrate(url)
            async with open_pool(url) as pool:
                # As a writer does: what lies outside is moved when it makes them.
                await make_partitions_ahead(pool, SystemClock().now().date())
                yield Site(broker, url, pool)


class Worker:
    """A process of ours that is told to begin on its standard input, and answers with JSON."""

    def __init__(self, process: "asyncio.subprocess.Process") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def cpu_s(self) -> float:
        """Its processor time so far, seconds."""
        times = psutil.Process(self.pid).cpu_times()
        return times.user + times.system

    async def wait_ready(self) -> None:
        """Return when it has made its preparations."""
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe
        line = await self._process.stdout.readline()
        if line.strip() != b"ready":
            raise BenchmarkError(f"a load process failed: {line!r}")

    def begin(self) -> None:
        """Let it start."""
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        self._process.stdin.write(b"go\n")

    async def result(self) -> dict[str, float]:
        """Wait for its answer."""
        output, _ = await self._process.communicate()
        if self._process.returncode:
            raise BenchmarkError(f"a process ended with {self._process.returncode}")
        answer: dict[str, float] = json.loads(output.splitlines()[-1])
        return answer

    def terminate(self) -> None:
        """Ask it to stop."""
        self._process.terminate()


@asynccontextmanager
async def worker(
    module: str, *arguments: object, environ: dict[str, str] | None = None
) -> AsyncIterator[Worker]:
    """Run `python -m module arguments` for the time of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *(str(argument) for argument in arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
    )
    try:
        yield Worker(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
