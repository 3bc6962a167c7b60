"""Whether a configuration would run: are its drivers there, do they take their settings."""

import os
import random
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from producers.agent.configuration import DeviceConfiguration, DeviceDocument, document_class
from producers.agent.file import AgentFile, explain, read_password
from weir import registry
from weir.driver import Driver, DriverConfiguration
from weir.errors import ConfigError
from weir.mqtt.address import MqttAddress
from weir.mqtt.certificate_end import end_of_certificate
from weir.mqtt.tls import TlsFiles, make_context

AnyDriver = Driver[DriverConfiguration]
DRIVERS_PACKAGE = "producers.drivers"


def find_driver(name: str) -> type[AnyDriver]:
    """Import one driver: of the folder, or of another distribution.

    Raises:
        ConfigError: there is none of that name, or it lacks a library.
    """
    try:
        return registry.find(DRIVERS_PACKAGE, name, Driver)  # type: ignore[type-abstract] # a subclass
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"driver {name!r} needs {error.name!r}: pip install 'weir[drivers]'"
        ) from error


def make_driver(
    driver_class: type[AnyDriver], settings: Mapping[str, Any], rng: random.Random
) -> AnyDriver:
    """Make a driver of settings as they are written.

    Raises:
        ConfigError: the driver does not take them.
    """
    try:
        configuration = driver_class.configuration_class.model_validate(settings)
    except ValidationError as error:
        raise ConfigError(*explain(error, "settings")) from error
    return driver_class(configuration, rng)


def check_document(driver_class: type[AnyDriver], document: Mapping[str, Any]) -> DeviceDocument:
    """Check what a device is told from afar.

    Raises:
        ConfigError: it does not fit what the device declares: where, and what.
    """
    try:
        document_class(driver_class.configuration_class).model_validate(document)
        # Again without the driver's own class: what is kept is what was written.
        return DeviceDocument.model_validate(document)
    except ValidationError as error:
        raise ConfigError(*explain(error, "configuration")) from error


def address_of(file: AgentFile, serial: str, password: str) -> MqttAddress:
    """Give where a device connects to, and as whom.

    Raises:
        ConfigError: the broker's address is none.
    """
    try:
        return MqttAddress.of_device(file.configuration.broker.url, serial, password)
    except ConfigError as error:
        raise ConfigError(*(f"{file.path}: broker.url: {each}" for each in error.problems)) from (
            error
        )


def tls_files(file: AgentFile) -> TlsFiles:
    """Give the files that the broker's part names."""
    broker = file.configuration.broker
    paths = {
        name: None if path is None else file.resolve(path)
        for name, path in (
            ("ca", broker.ca),
            ("certificate", broker.certificate),
            ("key", broker.key),
        )
    }
    return TlsFiles(**paths)


def check_file(file: AgentFile, environ: Mapping[str, str]) -> list[str]:
    """Give what is wrong with a file beyond its form, a sentence for each; empty: nothing."""
    problems: list[str] = []
    configuration = file.configuration
    if configuration.broker.url.startswith("mqtts"):
        problems += _problems(file, lambda: make_context(tls_files(file)))
    if configuration.agent is not None:
        health = configuration.agent
        problems += _problems(file, lambda: read_password(health, file, environ))
    for device in configuration.devices:
        problems += _device_problems(file, device, environ)
    folder = file.resolve(configuration.spool.path).parent
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        problems.append(f"{file.path}: spool.path: {folder} is no folder that can be written")
    return problems


def check_certificates(file: AgentFile, now: datetime) -> Iterator[str]:
    """Give for how long the certificates are good that the file names, a sentence for each.

    Raises:
        ConfigError: one of them has ended, or is none.
    """
    files = tls_files(file)
    for path in (files.ca, files.certificate):
        if path is None:
            continue
        end = end_of_certificate(path)
        if end <= now:
            raise ConfigError(
                f"TLS: {path}: it has ended, on {end:%Y-%m-%d}: replace it, no restart is needed"
            )
        yield f"{path} is good until {end:%Y-%m-%d}, for {(end - now).days} days"


def _device_problems(
    file: AgentFile, device: DeviceConfiguration, environ: Mapping[str, str]
) -> list[str]:
    where = f"{file.path}: {device.serial}"

    def look() -> None:
        address_of(file, device.serial, read_password(device, file, environ))
        driver_class = find_driver(device.driver)
        check_document(driver_class, file.document_of(device.serial))
        make_driver(driver_class, device.settings, random.Random(0))  # noqa: S311 - no secret

    try:
        look()
    except ConfigError as error:
        return [
            each if each.startswith(str(file.path)) else f"{where}: {each}"
            for each in error.problems
        ]
    return []


def _problems(file: AgentFile, look: Callable[[], object]) -> list[str]:
    try:
        look()
    except ConfigError as error:
        return [
            each if each.startswith(str(file.path)) else f"{file.path}: {each}"
            for each in error.problems
        ]
    return []
