"""Finds the servers of an installation: those of the environment, or those of `iotctl up` here."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli._gateway_address import data_folder
from weir.config import Settings
from weir.setting_files import SUFFIX

#: The option of commands that need the servers of an installation.
Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="The folder of iotctl up, if it is not the usual."),
]
#: Whoever names one of them in the environment means another installation than the one here.
_GIVEN = (
    "WEIR_AMQP_URL",
    "WEIR_MANAGEMENT_URL",
    "WEIR_POSTGRES_OWNER_URL",
    "WEIR_POSTGRES_URL",
    "WEIR_STREAM_URL",
)


def installation(data: Path | None, require: Iterable[str]) -> tuple[Settings, Mapping[str, str]]:
    """Give the settings, and the environment that they are from.

    Raises:
        ConfigError: a variable is missing; or there is neither an environment nor a folder.
    """
    if data is None and _names_servers():
        return Settings.from_env(os.environ, require), os.environ
    from weir.embedded.addresses import administration

    environ = administration((data or data_folder(os.environ)).resolve())
    return Settings.from_env(environ, require), environ


def servers_here(require: Iterable[str]) -> Settings:
    """Give the settings of the environment; where it names no server, those of `iotctl up` here.

    Raises:
        ConfigError: a variable is missing, and there is no system of `iotctl up` either.
    """
    from weir.embedded.layout import Layout

    is_made_here = Layout(data_folder(os.environ).resolve()).ports.exists()
    if _names_servers() or not is_made_here:
        return Settings.from_env(os.environ, require)
    return installation(None, require)[0]


def _names_servers() -> bool:
    return any(os.environ.get(name + end) for name in _GIVEN for end in ("", SUFFIX))
