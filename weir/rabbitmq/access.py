"""What a device may do on the broker: publish and receive under its own serial, nothing else.

A device's user name and MQTT client id are its serial. Its rights are written out for it: the
placeholder `{username}` goes unescaped into a regular expression before RabbitMQ 4.2.4, and
`{client_id}` is whatever the client calls itself.

What a device sees when it oversteps (tried with MQTT 3.1.1):

* publishing: no PUBACK, the connection is closed (3.10.8 and 4.3). So is a last will on a foreign
  key: accepted at CONNECT, never published.
* subscribing: 3.10.8 closes the connection, 4.3 answers SUBACK with return code 0x80.

No version binds the client id to the user: a device that takes another's id gets none of its
rights, but throws it off the broker.
"""

import re
from dataclasses import dataclass

from weir.model.names import EXCHANGE, PUBLISHED_KINDS, RECEIVED_KINDS, commands_queue
from weir.model.serial import check_serial
from weir.rabbitmq.management import Management, open_management, permission_path

#: An expression that no routing key fits.
_NOTHING = "^$"


@dataclass(frozen=True, slots=True)
class Rights:
    """Regular expressions over names of resources, and over routing keys on `iot`."""

    configure: str
    write: str
    read: str
    publish_keys: str
    receive_keys: str


def device_rights(serial: str) -> Rights:
    """Give the rights of one device.

    The MQTT plugin acts in the device's name: it declares and reads the session's queue, binds it
    to `iot` and publishes there. A device that speaks AMQP does the same with a queue for its
    commands, which may have one name only.

    Raises:
        WrongSerialError: not a serial.
    """
    name = re.escape(check_serial(serial))
    own = f"mqtt-subscription-{name}qos[01]|{re.escape(commands_queue(serial))}"
    return Rights(
        configure=f"^({own})$",
        write=f"^({own}|{EXCHANGE})$",
        read=f"^({own}|{EXCHANGE})$",
        publish_keys=_keys(name, PUBLISHED_KINDS),
        receive_keys=_keys(name, RECEIVED_KINDS),
    )


def fleet_rights(user: str, prefix: str) -> Rights:
    """Give the rights of one who publishes for many devices: those whose serials have a prefix.

    For gateways in the field, and for fleets to test with. Receives nothing: commands are for
    devices that are connected themselves.

    Raises:
        WrongSerialError: not the beginning of a serial.
    """
    begin = re.escape(check_serial(prefix))
    session = f"mqtt-subscription-{re.escape(check_serial(user))}-[0-9]+qos[01]"
    return Rights(
        configure=f"^{session}$",
        write=f"^({session}|{EXCHANGE})$",
        read=f"^({session}|{EXCHANGE})$",
        publish_keys=_keys(f"{begin}[a-zA-Z0-9_-]{{0,62}}", PUBLISHED_KINDS),
        receive_keys=_NOTHING,
    )


async def put_fleet_user(
    management_url: str, vhost: str, user: str, prefix: str, password: str
) -> None:
    """Let one in who publishes for all devices whose serials have a prefix; safe to repeat.

    Raises:
        BrokerUnavailableError: try again; until then the user may be known without any right.
        ConfigError: the user of `management_url` is not an administrator.
        WrongSerialError: the name or the prefix cannot begin a serial.
    """
    rights = fleet_rights(user, prefix)
    async with open_management(management_url) as management:
        await management.put_user(user, password)
        await _put_rights(management, vhost, user, rights)


async def put_device_user(management_url: str, vhost: str, serial: str, password: str) -> None:
    """Let a device in, or give it a new password; safe to repeat.

    `management_url`: of an administrator; its path does not matter here.

    Raises:
        BrokerUnavailableError: try again; until then the device may be known without any right.
        ConfigError: the user of `management_url` is not an administrator.
        WrongSerialError: not a serial.
    """
    rights = device_rights(serial)
    async with open_management(management_url) as management:
        await management.put_user(serial, password)
        await _put_rights(management, vhost, serial, rights)


async def delete_device_user(management_url: str, serial: str) -> None:
    """Shut a device out: its user is deleted and its connections are closed.

    Raises:
        BrokerUnavailableError: try again later.
        ConfigError: the user of `management_url` is not an administrator.
        NotFoundError: the broker does not know the device.
    """
    async with open_management(management_url) as management:
        await management.delete_user(check_serial(serial))


async def _put_rights(management: Management, vhost: str, user: str, rights: Rights) -> None:
    # The keys first: with no rule for topics every key is allowed.
    await management.put(
        permission_path("topic-permissions", vhost, user),
        {"exchange": EXCHANGE, "write": rights.publish_keys, "read": rights.receive_keys},
    )
    await management.put(
        permission_path("permissions", vhost, user),
        {"configure": rights.configure, "write": rights.write, "read": rights.read},
    )


def _keys(name: str, kinds: tuple[str, ...]) -> str:
    return rf"^sensor\.{name}\.({'|'.join(kinds)})(\..*)?$"
