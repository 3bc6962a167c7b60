"""Let devices into the broker: make, renew and withdraw what they log in with.

A device logs in with its serial and a password, and may then publish and receive under its own
serial only. The broker is that of WEIR_MANAGEMENT_URL (an administrator's), else that of iotctl up.

Examples:
    iotctl credentials make crane-7
    iotctl credentials revoke crane-7
"""

import asyncio
import secrets
from pathlib import Path
from typing import Annotated

import typer

from cli._installation import Data, installation
from cli._output import Format, Output, print_data, print_note
from weir.config import reveal

app = typer.Typer()

_VARIABLE = "WEIR_MANAGEMENT_URL"
#: Of a generated password: 144 bits, in 24 characters that need no quoting.
_PASSWORD_BYTES = 18

Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="The serial of the device.")]


@app.command()
def make(serial: Serial, *, data: Data = None, output: Output = Format.TABLE) -> None:
    """Make a password for a device, shown this once; one that it had is replaced.

    Example:
        iotctl credentials make crane-7
    """
    from weir.rabbitmq.access import put_device_user
    from weir.rabbitmq.management import vhost_of

    url = _management_url(data)
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    asyncio.run(put_device_user(url, vhost_of(url), serial, password))
    if output.is_for_programs:
        print_data({"serial": serial, "password": password}, output)
        return
    typer.echo(password)
    print_note(f"the password of {serial} at the broker, shown this once")


@app.command()
def revoke(serial: Serial, *, data: Data = None) -> None:
    """Shut a device out of the broker; its connection is closed.

    Example:
        iotctl credentials revoke crane-7
    """
    from weir.rabbitmq.access import delete_device_user

    asyncio.run(delete_device_user(_management_url(data), serial))
    print_note(f"{serial} is shut out")


def _management_url(data: Path | None) -> str:
    settings, _ = installation(data, [_VARIABLE])
    return reveal(settings.management.url, _VARIABLE)
