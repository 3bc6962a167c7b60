"""A queue worker lives through a restart of its broker."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.integration.rabbitmq.publishing import channel_to, publish
from tests.integration.runtime.queue_line import KEY, Scripted, accept, source
from weir.embedded import rabbitmq_programs
from weir.embedded.account import server_account
from weir.embedded.process import ChildProcess
from weir.embedded.rabbitmq_files import RabbitmqPorts
from weir.embedded.rabbitmq_node import RabbitmqNode
from weir.rabbitmq.topology import apply_topology
from weir.runtime.queue_worker import QueueWorker
from weir.testing.conditions import eventually
from weir.testing.memory import memory_ports
from weir.testing.running import running
from weir.testing.servers import running as running_processes

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.skipif(not rabbitmq_programs.is_installed(), reason="needs a broker of its own"),
]

STOP_TIMEOUT_S = 30.0
RECOVERY_TIMEOUT_S = 40.0


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's own: that is closed to the account that servers run as.
    path = Path(tempfile.mkdtemp(prefix="weir-test-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@asynccontextmanager
async def running_node(node: RabbitmqNode, folder: Path) -> AsyncIterator[ChildProcess]:
    """Run a node for the time of the block; our event loop goes on meanwhile."""
    with ExitStack() as stack:
        processes = running_processes(node.epmd(), node.server(), logs=folder)
        _, server = await asyncio.to_thread(stack.enter_context, processes)
        yield server


async def test_a_broker_that_restarts_is_waited_for_and_read_again(folder: Path) -> None:
    node = RabbitmqNode(folder / "mq", RabbitmqPorts.free(), folder / "secrets", server_account())
    node.prepare()
    consumer = Scripted(memory_ports(), accept)
    async with running(QueueWorker(consumer, source(node.amqp_url)).run()):
        async with running_node(node, folder) as server, channel_to(node.amqp_url) as channel:
            await apply_topology(node.amqp_url, 1)
            await publish(channel, KEY, b"before")
            await eventually(lambda: b"before" in consumer.bodies)
            # Not killed: for half a second after its first stream, 3.10.8 would not survive that.
            await asyncio.to_thread(server.stop, STOP_TIMEOUT_S)
        async with running_node(node, folder), channel_to(node.amqp_url) as channel:
            await publish(channel, KEY, b"after")
            await eventually(lambda: b"after" in consumer.bodies, RECOVERY_TIMEOUT_S)
    assert {b"before", b"after"} == set(consumer.bodies)
