"""Simulated vibration sensors: the edge agent with a configuration that is made for it."""

import asyncio
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from producers.agent.agent import run_agent
from producers.agent.configuration import DOCUMENT_KEYS
from producers.agent.file import AgentFile, parse_file, read_file
from producers.drivers.vibration import VibrationConfiguration
from weir.config import Settings, reveal
from weir.errors import ConfigError
from weir.model.serial import is_serial

#: What the simulator must be told.
SIMULATOR_VARIABLES = ("WEIR_MQTT_URL",)
#: One batch a second: short enough to watch, long enough for small bytes per reading.
BATCH_INTERVAL_S = 1.0
#: Enough to see a sine of a few hertz, little enough for any machine.
RATE_HZ = 100.0
FILE_NAME = "edge.json"


async def simulator_main(
    settings: Settings,
    credentials: Mapping[str, str],
    rate_hz: float | None,
    folder: Path | None,
    stop: asyncio.Event,
) -> None:
    """Run simulated sensors until `stop` is set, then send what is under way and disconnect.

    Args:
        settings: `WEIR_MQTT_URL`; a user in it is shown by all devices.
        credentials: serials and MQTT passwords of the devices; an empty one: none.
        rate_hz: samples a second of each; `None`: as they were told, at first `RATE_HZ`.
        folder: where their spool and what they were told is kept; `None`: it is forgotten.
        stop: set by whoever wants an end.

    Raises:
        ConfigError: the address or the rate is wrong.
    """
    url = reveal(settings.mqtt.url, *SIMULATOR_VARIABLES)
    _check_rate(RATE_HZ if rate_hz is None else rate_hz)
    with tempfile.TemporaryDirectory(prefix="weir-simulator-") as forgotten:
        path = (folder or Path(forgotten)) / FILE_NAME
        file = write_configuration(path, url, credentials, rate_hz)
        await run_agent(file, {}, stop, _published_counter())


def write_configuration(
    path: Path, url: str, credentials: Mapping[str, str], rate_hz: float | None
) -> AgentFile:
    """Write what the agent is told; what devices have been told from afar stays.

    Raises:
        ConfigError: the file that is there is none, or cannot be written.
    """
    known = _documents(path)
    devices = []
    for index, (serial, password) in enumerate(credentials.items()):
        document = known.get(serial) or _document(index)
        if rate_hz is not None:
            document["settings"] = {**document.get("settings", {}), "sample_rate_hz": rate_hz}
        secret = {"password": password} if password else {}
        devices.append({"serial": serial, "driver": "vibration", **secret, **document})
    raw = {"broker": {"url": url}, "spool": {"path": "simulator.spool"}, "devices": devices}
    file = parse_file(path, json.dumps(raw, indent=1) + "\n")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(file.text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    return file


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


def _documents(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    return {
        device["serial"]: {key: value for key, value in device.items() if key in DOCUMENT_KEYS}
        for device in read_file(path).raw["devices"]
    }


def _document(index: int) -> dict[str, Any]:
    return {
        "interval_s": BATCH_INTERVAL_S,
        # Spread over the interval, so that not all publish at the same moment.
        "jitter_s": BATCH_INTERVAL_S,
        # Machines that differ, so that a graph of several shows several lines.
        "settings": {
            "sample_rate_hz": RATE_HZ,
            "components": [{"amplitude": 1.0, "frequency_hz": 1.0 + index % 10}],
        },
    }


def _check_rate(rate_hz: float) -> None:
    try:
        VibrationConfiguration(sample_rate_hz=rate_hz)
    except ValidationError as error:
        problems = (f"--rate {rate_hz:g}: {detail['msg']}" for detail in error.errors())
        raise ConfigError(*problems) from error


def _published_counter() -> Callable[[int], object]:
    """Give what counts acknowledged readings; a small device has no Prometheus client."""
    if find_spec("prometheus_client") is None:
        return lambda _: None
    from weir.metrics import READINGS_PUBLISHED

    return READINGS_PUBLISHED.labels("simulator").inc
