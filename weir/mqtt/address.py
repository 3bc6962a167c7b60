"""Where a device connects to, and as whom."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from weir.errors import ConfigError
from weir.model.serial import check_serial

#: Registered with IANA for MQTT, and for MQTT over TLS.
DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class MqttAddress:
    """A broker, and the identity that a client shows there.

    `client_id` is the device's serial: the broker keeps what the device misses under that name.
    """

    host: str
    port: int
    is_tls: bool
    client_id: str
    username: str
    password: str = field(repr=False)

    @classmethod
    def of_device(cls, url: str, serial: str, password: str = "") -> "MqttAddress":
        """Read `mqtt://[user:password@]host[:port][/vhost]`, or `mqtts://...` for TLS.

        Without a user in it the device shows its serial and `password`, which is what a broker
        of Weir expects. RabbitMQ takes a virtual host as part of the user's name.

        Raises:
            ConfigError: not such a URL.
            WrongSerialError: `serial` may not name a device.
        """
        check_serial(serial)
        try:
            parts = urlsplit(url)
            port = parts.port or DEFAULT_PORTS[parts.scheme]
        except (ValueError, KeyError) as error:
            raise ConfigError("not an MQTT address: use mqtt://host:port or mqtts://") from error
        if not parts.hostname:
            raise ConfigError("the MQTT address has no host: use mqtt://host:port")
        username = unquote(parts.username or serial)
        vhost = unquote(parts.path.removeprefix("/"))
        return cls(
            host=parts.hostname,
            port=port,
            is_tls=parts.scheme == "mqtts",
            client_id=serial,
            username=f"{vhost}:{username}" if vhost else username,
            password=unquote(parts.password or "") if parts.username else password,
        )
