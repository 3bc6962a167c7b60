"""List sensors or targets, as the earlier tool did: devices and sites.

The same as `iotctl devices list` and `iotctl sites list`.

Examples:
    iotctl get sensors
    iotctl get targets -o json
"""

import typer

from cli._output import Format, Output
from cli._watch import watchable
from cli.devices import list_devices
from cli.sites import list_sites

app = typer.Typer()


@app.command()
@watchable
def sensors(output: Output = Format.TABLE) -> None:
    """List devices, as `iotctl devices list` does.

    Example:
        iotctl get sensors
    """
    list_devices(output=output)


@app.command()
@watchable
def targets(output: Output = Format.TABLE) -> None:
    """List sites, as `iotctl sites list` does.

    Example:
        iotctl get targets
    """
    list_sites(output=output)
