"""A private RabbitMQ node, from its first start to its last process."""

import stat
from pathlib import Path

import aio_pika
import psutil
import pytest

from weir.embedded.account import server_account
from weir.embedded.process import ChildProcess, is_alive
from weir.embedded.rabbitmq_files import ADMIN_USER, RabbitmqPorts
from weir.embedded.rabbitmq_node import RabbitmqNode
from weir.embedded.rabbitmq_programs import is_installed
from weir.rabbitmq.topology import apply_topology
from weir.testing.conditions import wait_until
from weir.testing.servers import running

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.skipif(not is_installed(), reason="rabbitmq-server is not installed"),
]

STOP_GRACE_S = 10.0


def node_in(folder: Path, ports: RabbitmqPorts) -> RabbitmqNode:
    node = RabbitmqNode(folder / "rabbitmq", ports, folder / "secrets", server_account())
    node.prepare()
    return node


async def test_a_node_keeps_guests_out_services_in_their_place_and_files_private(
    state_folder: Path,
) -> None:
    node = node_in(state_folder, RabbitmqPorts.free())
    with running(node.epmd(), node.server(), logs=state_folder):
        with pytest.raises(aio_pika.exceptions.ProbableAuthenticationError):
            await aio_pika.connect(f"amqp://guest:guest@127.0.0.1:{node.ports.amqp}/")
        assert await apply_topology(node.amqp_url, 2)
        with pytest.raises(aio_pika.exceptions.AMQPChannelError, match="ACCESS_REFUSED"):
            await declare(node.amqp_url, "somebody-elses")
        for path in (
            *node.secrets.iterdir(),
            node.folder / "definitions.json",
            node.folder / "conf.d" / "90-local.conf",
        ):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        for path in (node.secrets, node.folder):
            assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
        assert node.password(ADMIN_USER) not in (node.folder / "definitions.json").read_text()


async def test_a_killed_node_starts_again_with_its_messages_and_stops_whole(
    state_folder: Path,
) -> None:
    ports = RabbitmqPorts.free()
    node = node_in(state_folder, ports)
    with running(node.epmd(), node.server(), logs=state_folder):
        await apply_topology(node.amqp_url, 1)
        await publish(node.amqp_url, b"kept")
        wait_until(lambda: knows_queue(node, "sensor.all.replies"))
    # All processes have been killed. The second start has the same folder and ports.
    node = node_in(state_folder, ports)
    with running(node.epmd(), node.server(), logs=state_folder) as children:
        assert await receive(node.amqp_url) == b"kept"
        below = [child for each in children for child in tree_of(each)]
        for child in reversed(children):
            child.stop(STOP_GRACE_S)
        assert [child.exit_code for child in children] == [-15, 0]
        assert [process for process in below if is_alive(process)] == []


def knows_queue(node: RabbitmqNode, queue: str) -> bool:
    # 3.10.8 writes the names of new quorum queues with a delay of seconds. One that is killed
    # before that has the queue, but never again a leader for it.
    (names,) = (node.folder / "data").glob("*/quorum/*/names.dets")
    return queue.encode() in names.read_bytes()


def tree_of(child: ChildProcess) -> list[psutil.Process]:
    process = psutil.Process(child.pid)
    return [process, *process.children(recursive=True)]


async def declare(amqp_url: str, queue: str) -> None:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.declare_queue(queue, durable=True)


async def publish(amqp_url: str, body: bytes) -> None:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("iot", ensure=False)
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await exchange.publish(message, "sensor.sim-001.replies.ping")


async def receive(amqp_url: str) -> bytes:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        channel = await connection.channel()
        queue = await channel.get_queue("sensor.all.replies", ensure=False)
        message = await queue.get(timeout=5)
        assert message is not None
        await message.ack()
        return message.body
