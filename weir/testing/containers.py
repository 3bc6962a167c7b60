"""RabbitMQ and PostgreSQL in containers, when a container engine answers.

`testcontainers` is imported late: nobody needs it where servers are given or installed.
"""

import importlib.util
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from weir.embedded.ports import free_ports
from weir.paths import RABBITMQ_SETTINGS
from weir.testing.addresses import BrokerAddress

#: Older 4.3 releases have known faults in streams.
RABBITMQ_IMAGE = "rabbitmq:4.3.6-management"
POSTGRES_IMAGE = "timescale/timescaledb:2.24.0-pg18"
ENGINE_TIMEOUT_S = 3
ANSWER_BYTES = 1024
_SETTINGS_FOLDER = "/etc/rabbitmq"


def engine_answers(environ: Mapping[str, str]) -> bool:
    """Tell whether `testcontainers` is installed and its engine runs.

    The engine's own client leaves sockets open when nobody answers, so we ask ourselves.
    """
    if importlib.util.find_spec("testcontainers") is None:
        return False
    place = urlsplit(environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    family, address = (
        (socket.AF_UNIX, place.path)
        if place.scheme == "unix"
        else (socket.AF_INET, (place.hostname, place.port))
    )
    try:
        with socket.socket(family) as connection:
            connection.settimeout(ENGINE_TIMEOUT_S)
            connection.connect(address)
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(ANSWER_BYTES)
    except OSError:
        return False


@contextmanager
def broker() -> Iterator[BrokerAddress]:
    """Run RabbitMQ with the deployed settings.

    Streams send a client to the address that the node advertises, so a port must have the same
    number inside and outside.
    """
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    password = secrets.token_urlsafe()
    amqp, mqtt, stream, management = ports = free_ports(4)
    settings = (
        f"listeners.tcp.1 = {amqp}\\nmqtt.listeners.tcp.1 = {mqtt}\\n"
        f"stream.listeners.tcp.1 = {stream}\\nstream.advertised_host = 127.0.0.1\\n"
        f"stream.advertised_port = {stream}\\nmanagement.tcp.port = {management}\\n"
    )
    script = (
        f"printf '{settings}' > {_SETTINGS_FOLDER}/conf.d/90-local.conf"
        " && exec docker-entrypoint.sh rabbitmq-server"
    )
    container = (
        DockerContainer(RABBITMQ_IMAGE)
        .with_env("RABBITMQ_DEFAULT_USER", "weir")
        .with_env("RABBITMQ_DEFAULT_PASS", password)
        .with_command(["sh", "-c", script])
        .waiting_for(LogMessageWaitStrategy("Server startup complete"))
    )
    for name, place in (
        ("rabbitmq.conf", "conf.d/10-weir.conf"),
        ("advanced.config", "advanced.config"),
        ("enabled_plugins", "enabled_plugins"),
    ):
        container.with_volume_mapping(RABBITMQ_SETTINGS / name, f"{_SETTINGS_FOLDER}/{place}")
    for port in ports:
        container.with_bind_ports(port, port)
    with container:
        login = f"weir:{password}@127.0.0.1"
        yield BrokerAddress(
            amqp_url=f"amqp://{login}:{amqp}",
            stream_url=f"rabbitmq-stream://{login}:{stream}",
            mqtt_url=f"mqtt://127.0.0.1:{mqtt}",
            management_url=f"http://{login}:{management}",
        )


@contextmanager
def postgres() -> Iterator[str]:
    """Run PostgreSQL with TimescaleDB; gives its superuser's URL."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.wait_strategies import LogMessageWaitStrategy

    password = secrets.token_urlsafe()
    container = (
        DockerContainer(POSTGRES_IMAGE)
        .with_env("POSTGRES_PASSWORD", password)
        .with_exposed_ports(5432)
        # The image starts the server once for its own set-up, then for good.
        .waiting_for(LogMessageWaitStrategy("ready to accept connections", times=2))
    )
    with container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(5432)}"
        yield f"postgresql://postgres:{password}@{address}/postgres"
