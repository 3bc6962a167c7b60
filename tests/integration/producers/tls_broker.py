"""A RabbitMQ node of its own that speaks MQTT over TLS, and takes known clients only."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.integration.producers.authority import Authority, Pair
from weir.embedded.account import server_account
from weir.embedded.ports import LOOPBACK, free_ports
from weir.embedded.rabbitmq_files import RabbitmqPorts
from weir.embedded.rabbitmq_node import RabbitmqNode
from weir.testing.addresses import BrokerAddress
from weir.testing.servers import running

#: How often the node looks whether its certificate is another one; by itself every two minutes.
_LOOK_MS = 500


@dataclass(frozen=True)
class TlsBroker:
    """The node, who signs for it, and its own certificate, which may be issued anew."""

    address: BrokerAddress
    port: int
    authority: Authority
    server: Pair

    def url(self, vhost: str, host: str = LOOPBACK) -> str:
        """Spell where devices connect."""
        return f"mqtts://{host}:{self.port}/{vhost}"


@contextmanager
def open_tls_broker(folder: Path) -> Iterator[TlsBroker]:
    """Run the node for the time of the block; `folder`: open to other accounts."""
    authority = Authority("broker's authority")
    files = folder / "tls"
    files.mkdir()
    server = Pair(files / "server.pem", files / "server.key")
    ca = authority.write(files / "ca.pem")
    authority.issue(server, "broker")
    (port,) = free_ports(1)
    account = server_account()
    node = RabbitmqNode(folder / "rabbitmq", RabbitmqPorts.free(), folder / "secrets", account)
    node.prepare()
    (folder / "rabbitmq" / "conf.d" / "95-tls.conf").write_text(f"""\
mqtt.listeners.ssl.1 = {LOOPBACK}:{port}
ssl_options.cacertfile = {ca}
ssl_options.certfile = {server.certificate}
ssl_options.keyfile = {server.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
""")
    if account is not None:
        account.own(folder / "rabbitmq")
    spec = node.server()
    erlang = "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"
    looking = f"{spec.environ[erlang]} -ssl ssl_pem_cache_clean {_LOOK_MS}"
    spec = replace(spec, environ={**spec.environ, erlang: looking})
    with running(node.epmd(), spec, logs=folder):
        address = BrokerAddress(
            amqp_url=node.amqp_url,
            stream_url=node.stream_url,
            mqtt_url=node.mqtt_url,
            management_url=node.management_url,
        )
        yield TlsBroker(address, port, authority, server)
