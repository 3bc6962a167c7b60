"""The files that a private RabbitMQ node reads: its own settings beside the deployed ones.

Sources: RabbitMQ, "Configuration", "Definition Export and Import", "Passwords" (salted SHA-256).
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from weir.embedded.ports import LOOPBACK, free_ports

#: For people and for the supervisor: the management UI and everything behind it.
ADMIN_USER = "weir-admin"
#: For Weir's services.
SERVICE_USER = "weir"
VHOST = "/"
#: What services declare, write and read: the names of `weir.model.names`, the queues that the
#: broker names for a connection, and the default exchange.
SERVICE_RESOURCES = r"^(iot|sensor|journal)(\..*)?$|^amq\.(gen.*|default)$"
EVERYTHING = ".*"

_SALT_BYTES = 4


@dataclass(frozen=True, slots=True)
class RabbitmqPorts:
    """The TCP ports of one node, all on loopback.

    Attributes:
        distribution: for the node's own command line tools.
        epmd: of the node's own Erlang port mapper.
    """

    amqp: int
    mqtt: int
    stream: int
    management: int
    prometheus: int
    distribution: int
    epmd: int

    @classmethod
    def free(cls) -> "RabbitmqPorts":
        """Let the system choose all of them."""
        return cls(*free_ports(len(cls.names())))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Name the ports."""
        return tuple(field.name for field in fields(cls))


def local_settings(ports: RabbitmqPorts, definitions: Path) -> str:
    """Write the settings of this installation: ports on loopback, users, log on the console."""
    return f"""\
listeners.tcp.1 = {LOOPBACK}:{ports.amqp}
mqtt.listeners.tcp.1 = {LOOPBACK}:{ports.mqtt}
stream.listeners.tcp.1 = {LOOPBACK}:{ports.stream}
stream.advertised_host = {LOOPBACK}
stream.advertised_port = {ports.stream}
management.tcp.ip = {LOOPBACK}
management.tcp.port = {ports.management}
prometheus.tcp.ip = {LOOPBACK}
prometheus.tcp.port = {ports.prometheus}
load_definitions = {definitions}
log.console = true
log.console.use_colors = off
log.file = false
"""


def definitions_json(passwords: Mapping[str, str]) -> str:
    """Write the users of a new node; that there are any keeps it from creating `guest`.

    `passwords`: of `ADMIN_USER` and `SERVICE_USER`.
    """
    rights = {ADMIN_USER: EVERYTHING, SERVICE_USER: SERVICE_RESOURCES}
    tags = {ADMIN_USER: "administrator", SERVICE_USER: ""}
    definitions = {
        "vhosts": [{"name": VHOST}],
        "users": [
            {
                "name": user,
                "password_hash": hash_password(password),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": tags[user],
            }
            for user, password in passwords.items()
        ],
        "permissions": [
            {
                "user": user,
                "vhost": VHOST,
                "configure": rights[user],
                "write": rights[user],
                "read": rights[user],
            }
            for user in passwords
        ],
    }
    return json.dumps(definitions, indent=1)


def hash_password(password: str) -> str:
    """Hash a password as RabbitMQ stores it: base64(salt + sha256(salt + password))."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
