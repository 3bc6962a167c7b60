"""Three private RabbitMQ nodes on this machine, each of which can be killed and started again."""

import asyncio
import os
import secrets
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.servers import Server
from weir.embedded.account import server_account
from weir.embedded.private_files import write_private
from weir.embedded.rabbitmq_files import RabbitmqPorts
from weir.embedded.rabbitmq_node import RabbitmqNode
from weir.paths import RABBITMQ_SETTINGS
from weir.rabbitmq.management import open_management

#: Of one call of RabbitMQ's command line tools, each of which starts an Erlang of its own.
_COMMAND_TIMEOUT_S = 120.0
NODE_COUNT = 3


class Node(Server):
    """One node with its folder; its port mapper belongs to the cluster."""

    def __init__(self, node: RabbitmqNode, logs: Path) -> None:
        self.node = node
        self._spec_of_node = replace(node.server(), name=node.name)
        super().__init__(self._spec_of_node, logs)

    @property
    def name(self) -> str:
        """Its Erlang name."""
        return self.node.name

    async def run(self, *command: str, script: str | None = None) -> str:
        """Run one of RabbitMQ's programs on this node, or a script that calls them."""
        return await asyncio.to_thread(self._run, command, script)

    def _run(self, command: tuple[str, ...], script: str | None) -> str:
        spec, account = self._spec_of_node, self.node.account
        programs = self.node.folder / "programs" / "sbin"
        done = subprocess.run(
            command,
            env={**spec.environ, "PATH": f"{programs}:{spec.environ['PATH']}"},
            cwd=self.node.folder,
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=() if account else None,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}"
        return done.stdout


class Cluster:
    """The nodes; each is alone until it is joined."""

    def __init__(self, folder: Path) -> None:
        self.nodes = _make_nodes(folder)
        self.mapper = Server(self.nodes[0].node.epmd(), folder)

    async def join(self, node: Node) -> None:
        """Make a running node a member, by the commands of docs/operations.md."""
        await node.run("rabbitmqctl", "stop_app")
        await node.run("rabbitmqctl", "reset")
        await node.run("rabbitmqctl", "join_cluster", self.nodes[0].name)
        await node.run("rabbitmqctl", "start_app")

    async def spread(self, node: Node) -> None:
        """Give a member everything that the cluster has."""
        script = (RABBITMQ_SETTINGS / "spread").read_text(encoding="utf-8")
        await self.nodes[0].run("sh", "-s", "--", node.name, script=script)

    @property
    def amqp_url(self) -> str:
        return self._url(lambda node: node.amqp_url)

    @property
    def stream_url(self) -> str:
        return self._url(lambda node: node.stream_url)

    def mqtt_url(self, first: int) -> str:
        """Give where devices connect, another node first for each number.

        As the user of the services: this is not about access.
        """
        login = urlsplit(self.amqp_url).netloc.rpartition("@")[0]
        places = [urlsplit(each.node.mqtt_url).netloc for each in self.nodes]
        turned = places[first % NODE_COUNT :] + places[: first % NODE_COUNT]
        return f"mqtt://{login}@{','.join(turned)}"

    @property
    def management_url(self) -> str:
        return self._url(lambda node: node.management_url)

    def join_at_start(self) -> None:
        """Let nodes that were never started find one another: one cluster from the beginning."""
        for each in self.nodes:
            members = "".join(
                f"cluster_formation.classic_config.nodes.{number} = {node.name}\n"
                for number, node in enumerate(self.nodes, 1)
            )
            path = each.node.folder / "conf.d" / "95-cluster.conf"
            path.write_text(f"cluster_formation.peer_discovery_backend = classic_config\n{members}")
            if each.node.account:
                each.node.account.own(path)

    async def queues(self) -> dict[str, dict[str, Any]]:
        """Ask whoever answers for what there is, by name."""
        async with open_management(self.management_url) as management:
            return {queue["name"]: queue for queue in await management.list("queues", "/")}

    def stop(self) -> None:
        for server in (*self.nodes, self.mapper):
            server.kill()

    def _url(self, of: Callable[[RabbitmqNode], str]) -> str:
        parts = [urlsplit(of(each.node)) for each in self.nodes]
        login, at, _ = parts[0].netloc.rpartition("@")
        hosts = ",".join(each.netloc.rpartition("@")[2] for each in parts)
        return parts[0]._replace(netloc=f"{login}{at}{hosts}").geturl()


@asynccontextmanager
async def open_cluster(folder: Path) -> AsyncIterator[Cluster]:
    """Prepare three nodes for the time of the block; none runs yet."""
    cluster = Cluster(folder)
    await cluster.mapper.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def _make_nodes(folder: Path) -> list[Node]:
    cookie = secrets.token_hex()
    mapper_port = RabbitmqPorts.free().epmd
    nodes = []
    for number in range(1, NODE_COUNT + 1):
        place = folder / f"rabbitmq-{number}"
        (place / "home").mkdir(parents=True)
        write_private(place / "home" / ".erlang.cookie", cookie)
        node = RabbitmqNode(
            place,
            replace(RabbitmqPorts.free(), epmd=mapper_port),
            folder / "secrets",
            server_account(),
            f"weir-{number}-{os.getpid()}@localhost",
        )
        node.prepare()
        nodes.append(Node(node, folder))
    return nodes
