"""Read what happened at devices: a window of their events, or the newest.

Examples:
    iotctl events list --since 1d --type outage
    iotctl events list house-12 --last 5
"""

import json
from typing import Annotated, Any

import typer

from cli._client import Parameters, open_gateway
from cli._completion import complete_serial
from cli._output import Column, printable
from cli._rows import write_rows
from cli._windows import LIMIT, Last, Limit, RowFormat, Since, Until, last_wanted, read_rows

app = typer.Typer()


@app.command("list")
def list_events(
    serials: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERIAL", autocompletion=complete_serial, help="Devices; all if none is given."
        ),
    ] = None,
    *,
    type_: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only this type; may be repeated."),
    ] = None,
    since: Since = None,
    until: Until = None,
    last: Last = None,
    limit: Limit = LIMIT,
    output: Annotated[
        RowFormat, typer.Option("--output", "-o", help="How to print.")
    ] = RowFormat.TABLE,
) -> None:
    """Print the events of a window, oldest first; without a window, the last 20.

    Times are UTC. A window has its start but not its end.

    Examples:
        iotctl events list --since 1d --type outage --type outage_over
        iotctl events list house-12 house-13 --last 5
        iotctl events list --since 2026-03-14 --until 2026-03-15 --limit 0 -o ndjson
    """
    wanted: Parameters = {"serial": serials, "type": type_, "since": since, "until": until}
    with open_gateway() as gateway:
        newest = last_wanted(last, since, until)
        rows = read_rows(gateway, "/v1/events", wanted, last=newest, limit=limit)
        write_rows(rows, _COLUMNS, output)


def show_data(data: dict[str, Any]) -> str:
    """Show the data of an event on one line: `kWh=4.5, phases=[1, 2]`."""
    return ", ".join(
        f"{printable(name)}={printable(json.dumps(value, ensure_ascii=False))}"
        for name, value in data.items()
    )


_COLUMNS = (
    Column("observed_at", "OBSERVED AT"),
    Column("serial", "SERIAL"),
    Column("type", "TYPE"),
    Column("data", "DATA", show=show_data),
)
