"""Start the whole system on this machine, with one command and without containers.

A private RabbitMQ and a private PostgreSQL, the schema, the topology, every consumer, the gateway
and, when asked for, simulated devices. What dies is started again. Ctrl-C stops everything; the
next start finds the data again.

Everything is kept in one folder: --data, else WEIR_DATA, else /var/lib/weir for root and
~/.local/share/weir for others.

Ports have names: amqp, mqtt, stream, management, prometheus, postgres, gateway, distribution,
epmd. At the first start each is the usual one when that is free, else any; later starts use the
same again.

Examples:
    iotctl up --simulate 3
    iotctl up --port mqtt=1884 --port gateway=0    # 0: any free port
    iotctl up --data ./weir-data --detach
    iotctl up --data ./new --restore backups/weir-20261128T030000Z
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli._gateway_address import data_folder
from weir import registry
from weir.errors import ConfigError

if TYPE_CHECKING:
    from weir.embedded.stack import StackOptions


def command(
    *,
    simulate: Annotated[
        int, typer.Option(metavar="N", min=0, max=9_999, help="Run N simulated devices.")
    ] = 0,
    rate: Annotated[
        float | None,
        typer.Option(metavar="HZ", min=0.001, help="Samples a second of each simulated device."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder that keeps everything.")
    ] = None,
    port: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=NUMBER", help="Use this port; can be repeated."),
    ] = None,
    restore: Annotated[
        Path | None,
        typer.Option(metavar="BACKUP", help="Begin with a backup; only in a new folder."),
    ] = None,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Return when everything is ready, and leave it running."),
    ] = False,
) -> None:
    """Start the whole system on this machine."""
    from cli._detach import start_detached
    from weir.embedded.stack import StackOptions

    options = StackOptions(
        folder=(data or data_folder(os.environ)).resolve(),
        consumers=tuple(sorted(registry.names("consumers"))),
        environ=os.environ,
        simulated_count=simulate,
        rate_hz=rate,
        ports=dict(_parse_port(text) for text in port or ()),
        restored=restore.resolve() if restore else None,
    )
    if detach:
        start_detached(options)
    else:
        _run(options)


def _run(options: "StackOptions") -> None:
    from cli._stack_screen import LiveScreen, PlainScreen
    from weir.clock import SystemClock
    from weir.embedded.run import run_stack
    from weir.runtime.signals import stop_on_signals

    with (
        stop_on_signals() as stop,
        LiveScreen() if sys.stdout.isatty() else PlainScreen() as screen,
    ):
        run_stack(options, SystemClock(), stop, screen)


def _parse_port(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if not number.isdecimal():
        raise ConfigError(f"--port {text}: it must be NAME=NUMBER, for example mqtt=1884")
    return name, int(number)
