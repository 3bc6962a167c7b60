"""Show what `iotctl up` runs on this machine, and how it is.

Exit code 0 when everything is up, 1 when nothing runs or a part is down.

Examples:
    iotctl status
    iotctl status --data ./weir-data -o json
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli._gateway_address import data_folder
from cli._output import Column, Format, Output, print_data, print_fields, print_note, print_table
from cli._watch import watchable


@watchable
def command(
    *,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder that was given to iotctl up.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Show what `iotctl up` runs on this machine, and how it is."""
    from cli._stack_view import TITLES, addresses, cells, headline
    from weir.embedded.state import read_state

    folder = (data or data_folder(os.environ)).resolve()
    state = read_state(folder)
    if state is None or not state.is_running:
        if output.is_for_programs:
            print_data({"is_running": False, "data": str(folder)}, output)
        else:
            print_note(f"nothing runs on {folder}; start it with `iotctl up`")
        raise typer.Exit(1)
    if output.is_for_programs:
        print_data(
            {"is_running": True, "data": str(folder), **state.model_dump(mode="json")}, output
        )
    else:
        columns = [Column(title.lower(), title) for title in TITLES]
        keys = [column.key for column in columns]
        rows = [dict(zip(keys, cells(part), strict=True)) for part in state.parts]
        print_table(rows, columns)
        typer.echo()
        print_fields({name: f"{url}  ({where})" for name, url, where in addresses(state)})
    if headline(state) != "ready":
        raise typer.Exit(1)
