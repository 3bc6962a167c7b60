"""Stop what `iotctl up` runs on this machine; with --purge, forget its data too.

Also ends what is left of an `iotctl up` that was killed. Safe to repeat.

Examples:
    iotctl down
    iotctl down --data ./weir-data --purge
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli._gateway_address import data_folder


def command(
    *,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder that was given to iotctl up.")
    ] = None,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete the folder with all data and passwords.")
    ] = False,
) -> None:
    """Stop what `iotctl up` runs on this machine."""
    from weir.embedded.down import purge_folder, stop_stack

    folder = (data or data_folder(os.environ)).resolve()
    ended = stop_stack(folder)
    if ended:
        typer.echo(f"stopped {', '.join(ended)}")
    else:
        typer.echo(f"nothing runs on {folder}")
    if purge:
        purge_folder(folder)
        typer.echo(f"deleted {folder}")
