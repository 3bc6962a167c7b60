"""The broker's disk is full: publishers are held up, nothing is refused, and all of it arrives."""

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aio_pika
import pytest

from weir.embedded import rabbitmq_programs
from weir.embedded.account import server_account
from weir.embedded.rabbitmq_files import RabbitmqPorts
from weir.embedded.rabbitmq_node import NODE_NAME, RabbitmqNode
from weir.embedded.rabbitmq_programs import erlang_program
from weir.model.names import EXCHANGE, partition_streams
from weir.rabbitmq.stream_ends import end_offset
from weir.rabbitmq.topology import apply_topology
from weir.testing.servers import running

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not rabbitmq_programs.is_installed() or erlang_program("erl_call") is None,
        reason="rabbitmq-server, or erl_call of Erlang, is not installed",
    ),
]

#: More than any disk has, and what deploy/rabbitmq leaves free.
FULL_BYTES, USUAL_BYTES = 10**18, 10**9
HELD_UP_S = 3.0
RELEASED_S = 60.0


@pytest.fixture
def node() -> Iterator[RabbitmqNode]:
    folder = Path(tempfile.mkdtemp(prefix="weir-test-"))
    folder.chmod(0o755)
    node = RabbitmqNode(
        folder / "rabbitmq", RabbitmqPorts.free(), folder / "secrets", server_account()
    )
    node.prepare()
    with running(node.epmd(), node.server(), logs=folder):
        yield node
    shutil.rmtree(folder, ignore_errors=True)


def want_free(node: RabbitmqNode, count: int) -> None:
    """Do what `rabbitmqctl set_disk_free_limit` does."""
    program = erlang_program("erl_call")
    call = f"rabbit_disk_monitor set_disk_free_limit [{count}]"
    done = subprocess.run(
        [str(program), "-sname", NODE_NAME, "-a", call],
        env=dict(node._environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def test_a_full_disk_holds_publishers_up_and_loses_nothing(node: RabbitmqNode) -> None:
    await apply_topology(node.amqp_url, 1)
    message = aio_pika.Message(b"{}", delivery_mode=2)
    key = "sensor.pump-1.measurements.json"
    async with await aio_pika.connect(node.amqp_url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EXCHANGE)
        await exchange.publish(message, key)
        want_free(node, FULL_BYTES)
        waiting = asyncio.create_task(exchange.publish(message, key))
        done, _ = await asyncio.wait([waiting], timeout=HELD_UP_S)
        assert not done
        want_free(node, USUAL_BYTES)
        await asyncio.wait_for(waiting, RELEASED_S)
    assert 2 == await end_offset(node.stream_url, partition_streams(1)[0])
