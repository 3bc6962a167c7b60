"""Finds the broker for a fleet, and lets the fleet in for as long as it runs."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from cli._gateway_address import data_folder
from cli._output import print_note
from weir.config import Settings, reveal
from weir.errors import BrokerUnavailableError, ConfigError, NotFoundError
from weir.mqtt.address import MqttAddress

#: What `iotctl up` keeps in its folder.
_STATE_FILE = "state.json"
_ADMIN = "weir-admin"
_ADMIN_PASSWORD_FILE = Path("secrets") / f"rabbitmq-{_ADMIN}"
_PASSWORD_BYTES = 24
#: Accounts that are made, or taken away, at the same time.
_CONCURRENT_COUNT = 8


@dataclass(frozen=True, slots=True)
class FleetBroker:
    """Where a fleet connects.

    Attributes:
        management_url: of an administrator who lets it in; None: `mqtt_url` has a user that may
            publish for all of its devices.
    """

    mqtt_url: str = field(repr=False)
    management_url: str | None = field(repr=False)


def find_broker(environ: Mapping[str, str]) -> FleetBroker:
    """Find the broker: WEIR_MQTT_URL, else the one of the system on this machine.

    Raises:
        ConfigError: there is none, or nobody who may let a fleet in.
    """
    settings = Settings.from_env(environ)
    if settings.mqtt.url is None:
        return _local(data_folder(environ))
    mqtt_url = reveal(settings.mqtt.url, "WEIR_MQTT_URL")
    if settings.management.url is not None:
        return FleetBroker(mqtt_url, reveal(settings.management.url, "WEIR_MANAGEMENT_URL"))
    if not urlsplit(mqtt_url).username:
        raise ConfigError(
            "who may publish for a fleet? Set WEIR_MANAGEMENT_URL, for an account while it runs; "
            "or a user in WEIR_MQTT_URL that may publish for all of its devices"
        )
    return FleetBroker(mqtt_url, None)


@asynccontextmanager
async def shared_connections(
    broker: FleetBroker, prefix: str, count: int
) -> AsyncIterator[list[MqttAddress]]:
    """Give `count` connections of one account, which may publish for every serial of a prefix.

    An account that is made here is taken away when the block ends.

    Raises:
        BrokerUnavailableError: the management API does not answer.
        ConfigError: it refuses.
    """
    user, url = f"{prefix}gateway", broker.mqtt_url
    if broker.management_url is None:
        yield [MqttAddress.of_device(url, f"{user}-{number}") for number in range(count)]
        return
    from weir.rabbitmq.access import delete_device_user, put_fleet_user
    from weir.rabbitmq.management import vhost_of

    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    vhost = vhost_of(broker.management_url)
    await put_fleet_user(broker.management_url, vhost, user, prefix, password=password)
    url = _with_user(url, user, password)
    try:
        yield [MqttAddress.of_device(url, f"{user}-{number}") for number in range(count)]
    finally:
        try:
            await delete_device_user(broker.management_url, user)
        except (BrokerUnavailableError, NotFoundError) as error:
            print_note(f"the broker's account {user!r} is still there: {error}")


@asynccontextmanager
async def own_connections(
    broker: FleetBroker, serials: Sequence[str]
) -> AsyncIterator[list[MqttAddress]]:
    """Give each device a connection and an account of its own, until the block ends.

    Raises:
        BrokerUnavailableError: the management API does not answer.
        ConfigError: it refuses, or there is nobody to ask.
    """
    if broker.management_url is None:
        raise ConfigError("--connections each makes accounts: it needs WEIR_MANAGEMENT_URL")
    from weir.rabbitmq.access import delete_device_user, put_device_user
    from weir.rabbitmq.management import vhost_of

    url, vhost = broker.management_url, vhost_of(broker.management_url)
    passwords = {serial: secrets.token_urlsafe(_PASSWORD_BYTES) for serial in serials}
    free = asyncio.Semaphore(_CONCURRENT_COUNT)

    async def put(serial: str, password: str) -> None:
        async with free:
            await put_device_user(url, vhost, serial, password)

    async def delete(serial: str) -> None:
        async with free:
            await delete_device_user(url, serial)

    try:
        await asyncio.gather(*(put(serial, each) for serial, each in passwords.items()))
        bare = _without_user(broker.mqtt_url)
        yield [MqttAddress.of_device(bare, serial, each) for serial, each in passwords.items()]
    finally:
        outcomes = await asyncio.gather(*map(delete, serials), return_exceptions=True)
        left = sum(isinstance(each, BrokerUnavailableError) for each in outcomes)
        if left:
            print_note(f"{left} of the fleet's accounts are still on the broker")


def _local(folder: Path) -> FleetBroker:
    try:
        state = json.loads((folder / _STATE_FILE).read_text(encoding="utf-8"))
        password = (folder / _ADMIN_PASSWORD_FILE).read_text(encoding="utf-8").strip()
        mqtt_url, management = state["mqtt_url"], urlsplit(state["management_url"])
    except FileNotFoundError as error:
        raise ConfigError(
            "no broker: set WEIR_MQTT_URL and WEIR_MANAGEMENT_URL, or start one here: iotctl up"
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{folder} cannot be read: {error}") from error
    host = management.netloc.rpartition("@")[2]
    return FleetBroker(mqtt_url, f"http://{_ADMIN}:{quote(password, safe='')}@{host}/")


def _with_user(url: str, user: str, password: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{login}@{host}").geturl()


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
