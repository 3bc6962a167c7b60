"""What the words of the earlier tool have in common: a sensor by an option, or all of them."""

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Any

import typer

from cli._client import Gateway, open_gateway
from cli._command_sending import Request
from cli._completion import complete_serial
from cli._output import Format, print_note
from cli.commands import Wait, carry_out
from cli.devices import PATH as DEVICES_PATH

#: As many as the gateway takes in one request.
_AT_ONCE = 10_000

Sensor = Annotated[
    str,
    typer.Option(
        "--serial",
        "-s",
        metavar="SERIAL",
        autocompletion=complete_serial,
        help="Serial of the device.",
    ),
]
AnySensor = Annotated[
    str | None,
    typer.Option(
        "--serial",
        "-s",
        metavar="SERIAL",
        autocompletion=complete_serial,
        help="Serial of the device.",
    ),
]
All = Annotated[bool, typer.Option("--all", help="All devices that are let in, and take it.")]

__all__ = ["All", "AnySensor", "Sensor", "Wait", "send_to"]


def send_to(
    serial: str | None,
    command: str,
    parameters: Mapping[str, Any],
    *,
    is_all: bool,
    wait: bool,
    output: Format,
) -> None:
    """Send a command to one device or to all, as `iotctl commands send` does.

    Raises:
        WeirError: the gateway is away, or refuses.
    """
    if (serial is None) != is_all:
        raise typer.BadParameter("say whom: -s SERIAL or --all")
    with open_gateway() as gateway:
        if serial is not None:
            carry_out(gateway, Request(command, parameters, [serial]), output, wait=wait)
            return
        serials = _all_serials(gateway)
        if not serials:
            print_note("no devices")
        left = iter(serials)
        while some := list(islice(left, _AT_ONCE)):
            request = Request(command, parameters, some, skips_refused=True)
            carry_out(gateway, request, output, wait=wait)


def _all_serials(gateway: Gateway) -> list[str]:
    found = gateway.get_all(DEVICES_PATH, {"state": "active"}, key="devices", limit=None)
    return [str(device["serial"]) for device in found]
