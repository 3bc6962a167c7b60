"""Servers for a test session: given addresses, else containers, else private processes.

Whatever is found, each test gets a virtual host or database of its own on it, so that tests may
run in parallel.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from weir.embedded import postgres_cluster, rabbitmq_programs
from weir.embedded.account import server_account
from weir.embedded.ports import free_ports
from weir.embedded.postgres_server import PostgresServer
from weir.embedded.process import ChildProcess, ProcessSpec
from weir.embedded.rabbitmq_files import RabbitmqPorts
from weir.embedded.rabbitmq_node import RabbitmqNode
from weir.testing import containers
from weir.testing.addresses import BrokerAddress, UnavailableError

START_TIMEOUT_S = 90.0


@contextmanager
def open_broker(environ: Mapping[str, str]) -> Iterator[BrokerAddress]:
    """Give a RabbitMQ server for the time of the block.

    Raises:
        UnavailableError: there is no address, no container engine, and nothing is installed.
    """
    given = BrokerAddress.from_env(environ, "WEIR_TEST_")
    if given:
        yield given
    elif containers.engine_answers(environ):
        with containers.broker() as address:
            yield address
    elif rabbitmq_programs.is_installed():
        with _private_folder() as folder, _private_broker(folder) as address:
            yield address
    else:
        raise UnavailableError(
            "no RabbitMQ: set WEIR_TEST_AMQP_URL, _MANAGEMENT_URL, _STREAM_URL and _MQTT_URL, "
            "run a container engine, or install rabbitmq-server"
        )


@contextmanager
def open_postgres(environ: Mapping[str, str]) -> Iterator[str]:
    """Give the URL of a PostgreSQL role that may create databases, for the time of the block.

    Raises:
        UnavailableError: there is no address, no container engine, and nothing is installed.
    """
    given = environ.get("WEIR_TEST_POSTGRES_URL")
    if given:
        yield given
    elif containers.engine_answers(environ):
        with containers.postgres() as url:
            yield url
    elif postgres_cluster.is_installed():
        with _private_folder() as folder, _private_postgres(folder) as url:
            yield url
    else:
        raise UnavailableError(
            "no PostgreSQL: set WEIR_TEST_POSTGRES_URL, run a container engine, "
            "or install weir[embedded]"
        )


@contextmanager
def running(*specs: ProcessSpec, logs: Path) -> Iterator[list[ChildProcess]]:
    """Run processes for the time of the block, each started when the one before is ready.

    They are killed at the end, last first: what they hold is thrown away.

    Raises:
        ProcessError: one did not become ready; the message quotes its log.
    """
    children = []
    with ExitStack() as stack:
        for spec in specs:
            log_path = logs / f"{spec.name}.log"
            with log_path.open("ab") as log:
                child = ChildProcess(spec, log)
            stack.callback(child.kill)
            child.wait_ready(START_TIMEOUT_S, log_path)
            children.append(child)
        yield children


@contextmanager
def _private_broker(folder: Path) -> Iterator[BrokerAddress]:
    node = RabbitmqNode(
        folder / "rabbitmq", RabbitmqPorts.free(), folder / "secrets", server_account()
    )
    node.prepare()
    with running(node.epmd(), node.server(), logs=folder):
        yield BrokerAddress(
            amqp_url=node.amqp_url,
            stream_url=node.stream_url,
            mqtt_url=node.mqtt_url,
            management_url=node.management_url,
        )


@contextmanager
def _private_postgres(folder: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    server = PostgresServer(folder / "postgres", port, folder / "secrets", server_account())
    server.prepare()
    with running(server.server(), logs=folder):
        yield server.superuser_url


@contextmanager
def _private_folder() -> Iterator[Path]:
    # pytest's temporary folders are closed to other accounts, and servers run as another one
    # when the tests run as root.
    folder = Path(tempfile.mkdtemp(prefix="weir-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
