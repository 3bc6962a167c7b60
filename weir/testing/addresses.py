"""Where a test's broker is: the server's addresses, and a virtual host on it for one test."""

import json
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

HTTP_TIMEOUT_S = 20.0
_NAMES = ("AMQP_URL", "STREAM_URL", "MQTT_URL", "MANAGEMENT_URL")


class UnavailableError(Exception):
    """There is no such server here; the message says what would give one."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A RabbitMQ server, with users that may do everything on it.

    Attributes:
        mqtt_url: may be without a user; the one of `amqp_url` then serves.
        management_url: its user is an administrator.
    """

    amqp_url: str
    stream_url: str
    mqtt_url: str
    management_url: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str], prefix: str) -> "BrokerAddress | None":
        """Read the addresses `<prefix>AMQP_URL` and so on; `None` when the first is not set.

        Raises:
            UnavailableError: only some of them are set.
        """
        if not environ.get(f"{prefix}AMQP_URL"):
            return None
        missing = [prefix + name for name in _NAMES if not environ.get(prefix + name)]
        if missing:
            raise UnavailableError(f"{prefix}AMQP_URL is set, but not {', '.join(missing)}")
        return cls(*(environ[prefix + name] for name in _NAMES))


@dataclass(frozen=True, slots=True)
class Broker:
    """A virtual host that one test has for itself.

    Attributes:
        mqtt_url: with a user that may do everything in the virtual host.
        management_url: with the virtual host as its path; its user is an administrator.
    """

    vhost: str
    amqp_url: str
    stream_url: str
    mqtt_url: str
    management_url: str

    def mqtt_user(self, user: str) -> str:
        """Spell the name with which an MQTT client enters this virtual host as `user`."""
        return f"{self.vhost}:{user}"

    @property
    def mqtt_device_url(self) -> str:
        """Where devices connect, each with a user of its own."""
        return urlsplit(self.mqtt_url)._replace(netloc=_host(self.mqtt_url)).geturl()


@contextmanager
def open_vhost(address: BrokerAddress, vhost: str) -> Iterator[Broker]:
    """Make a virtual host for the time of the block; what was in it is deleted at the end.

    `vhost`: letters, digits and dashes.
    """
    users = {_user(address.amqp_url), _user(address.stream_url), _user(address.management_url)}
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    _call(address.management_url, "PUT", f"vhosts/{vhost}")
    try:
        for user in users:
            _call(address.management_url, "PUT", f"permissions/{vhost}/{user}", rights)
        yield Broker(
            vhost=vhost,
            amqp_url=f"{address.amqp_url.rstrip('/')}/{vhost}",
            stream_url=f"{address.stream_url.rstrip('/')}/{vhost}",
            mqtt_url=_mqtt_url(address, vhost),
            management_url=f"{address.management_url.rstrip('/')}/{vhost}",
        )
    finally:
        _call(address.management_url, "DELETE", f"vhosts/{vhost}")


def _mqtt_url(address: BrokerAddress, vhost: str) -> str:
    login = urlsplit(address.mqtt_url if "@" in address.mqtt_url else address.amqp_url)
    user = quote(f"{vhost}:{unquote(login.username or '')}", safe="")
    return f"mqtt://{user}:{login.password}@{_host(address.mqtt_url)}"


def _call(url: str, method: str, path: str, body: object = None) -> None:
    parts = urlsplit(url)
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    request = urllib.request.Request(  # noqa: S310 - a test's own server
        f"{parts.scheme}://{_host(url)}/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": "Basic " + b64encode(login.encode()).decode(),
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT_S) as response:  # noqa: S310
        response.read()


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _user(url: str) -> str:
    return quote(unquote(urlsplit(url).username or ""), safe="")
