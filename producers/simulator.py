"""Simulated vibration sensors, each a device of its own with its own connection."""

import asyncio
import random
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from producers.drivers.vibration import Component, Vibration, VibrationConfiguration
from producers.polling import PolledDevice, Schedule
from weir.clock import SystemClock
from weir.config import Settings, reveal
from weir.errors import ConfigError
from weir.model.serial import is_serial
from weir.mqtt.address import MqttAddress

#: What the simulator must be told.
SIMULATOR_VARIABLES = ("WEIR_MQTT_URL",)
#: One batch a second: short enough to watch, long enough for small bytes per reading.
BATCH_INTERVAL_S = 1.0


async def simulator_main(
    settings: Settings,
    devices: int,
    rate_hz: float,
    credentials: Mapping[str, str],
    stop: asyncio.Event,
) -> None:
    """Run simulated sensors until `stop` is set, then send what is under way and disconnect.

    Args:
        settings: `WEIR_MQTT_URL`; a user in it is shown by all devices.
        devices: how many sensors.
        rate_hz: samples a second of each.
        credentials: serials and their MQTT passwords, of which the first `devices` are simulated;
            empty: serials are `sim-001` and so on, without a password.
        stop: set by whoever wants an end.

    Raises:
        ConfigError: the address, the rate or the credentials are wrong; in a group where the broker
            said so.
    """
    addresses = _addresses(settings, choose_credentials(credentials, devices))
    configurations = [_configuration(rate_hz, index) for index in range(devices)]
    count_published = _published_counter()
    async with asyncio.TaskGroup() as running:
        for index, address in enumerate(addresses):
            driver = Vibration(configurations[index], random.Random(index))  # noqa: S311 - noise
            # Spread over the interval, so that not all publish at the same moment.
            schedule = Schedule(BATCH_INTERVAL_S, delay_s=BATCH_INTERVAL_S * index / devices)
            device = PolledDevice(address, driver, schedule, SystemClock(), count_published)
            running.create_task(device.run(stop))


def choose_credentials(credentials: Mapping[str, str], devices: int) -> dict[str, str]:
    """Give serial and password of each sensor.

    Raises:
        ConfigError: there are credentials, but too few.
    """
    if not credentials:
        return {f"sim-{number:03d}": "" for number in range(1, devices + 1)}
    if len(credentials) < devices:
        raise ConfigError(f"{devices} simulated devices, but credentials of {len(credentials)}")
    return {serial: credentials[serial] for serial in sorted(credentials)[:devices]}


def read_credentials(path: Path) -> dict[str, str]:
    """Read a JSON file that maps serials to MQTT passwords.

    Raises:
        ConfigError: there is no such file, or something else in it.
    """
    try:
        credentials = TypeAdapter(dict[str, str]).validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"credentials of the simulator: {error}") from error
    except ValidationError as error:
        # Not the error itself, which quotes what it found: perhaps a password.
        raise ConfigError(f'{path} is not {{"serial": "password", ...}}') from error
    wrong = [serial for serial in credentials if not is_serial(serial)]
    if wrong:
        raise ConfigError(*(f"{path}: {serial!r} is not a serial" for serial in wrong))
    return credentials


def _addresses(settings: Settings, credentials: Mapping[str, str]) -> list[MqttAddress]:
    url = reveal(settings.mqtt.url, *SIMULATOR_VARIABLES)
    return [
        MqttAddress.of_device(url, serial, password) for serial, password in credentials.items()
    ]


def _configuration(rate_hz: float, index: int) -> VibrationConfiguration:
    try:
        # Machines that differ, so that a graph of several shows several lines.
        sine = Component(amplitude=1.0, frequency_hz=1.0 + index % 10)
        return VibrationConfiguration(sample_rate_hz=rate_hz, components=(sine,))
    except ValidationError as error:
        problems = (f"--rate {rate_hz:g}: {detail['msg']}" for detail in error.errors())
        raise ConfigError(*problems) from error


def _published_counter() -> Callable[[int], object]:
    """Give what counts acknowledged readings; a small device has no Prometheus client."""
    if find_spec("prometheus_client") is None:
        return lambda _: None
    from weir.metrics import READINGS_PUBLISHED

    return READINGS_PUBLISHED.labels("simulator").inc
