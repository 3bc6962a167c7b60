"""Where a device connects to, and as whom."""

from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from weir.errors import ConfigError
from weir.hosts import each_host
from weir.model.serial import check_serial

#: Registered with IANA for MQTT, and for MQTT over TLS.
DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """A broker, and the identity that a client shows there.

    Attributes:
        client_id: the device's serial; the broker keeps what the device misses under that name.
        other_hosts: further nodes of the same cluster, each with its port.
    """

    host: str
    port: int
    is_tls: bool
    client_id: str
    username: str
    password: str = field(repr=False)
    other_hosts: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of_device(cls, url: str, serial: str, password: str = "") -> "MqttAddress":
        """Read `mqtt://[user:password@]host[:port],...[/vhost]`, or `mqtts://...` for TLS.

        Without a user in it the device shows its serial and `password`, which is what a broker
        of Weir expects. RabbitMQ takes a virtual host as part of the user's name.

        Raises:
            ConfigError: not such a URL.
            WrongSerialError: `serial` may not name a device.
        """
        check_serial(serial)
        hosts = _hosts(url)
        parts = urlsplit(url)
        username = unquote(parts.username or serial)
        vhost = unquote(parts.path.removeprefix("/"))
        return cls(
            host=hosts[0][0],
            port=hosts[0][1],
            is_tls=parts.scheme == "mqtts",
            client_id=serial,
            username=f"{vhost}:{username}" if vhost else username,
            password=unquote(parts.password or "") if parts.username else password,
            other_hosts=tuple(hosts[1:]),
        )

    @property
    def hosts(self) -> str:
        """Where the broker is, for people."""
        return ", ".join(f"{each.host}:{each.port}" for each in self.each())

    def each(self) -> list["MqttAddress"]:
        """Give an address of one host for each, in the order in which they are to be tried."""
        hosts = ((self.host, self.port), *self.other_hosts)
        return [replace(self, host=host, port=port, other_hosts=()) for host, port in hosts]


def _hosts(url: str) -> list[tuple[str, int]]:
    try:
        each = [urlsplit(one) for one in each_host(url)]
        return [(one.hostname or "", one.port or DEFAULT_PORTS[one.scheme]) for one in each]
    except (ValueError, KeyError) as error:
        raise ConfigError("not an MQTT address: use mqtt://host:port or mqtts://") from error
