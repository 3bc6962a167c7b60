"""List and show devices, and approve those that wait.

Examples:
    iotctl devices list --presence offline
    iotctl devices show crane-7
    iotctl devices approve crane-7
"""

from typing import Annotated
from urllib.parse import quote

import typer

from cli._client import open_gateway
from cli._output import (
    Column,
    Format,
    Output,
    print_fields,
    print_json,
    print_note,
    print_rows,
    print_table,
    show_age,
)
from cli._settling import replay_approved
from weir.clock import SystemClock

app = typer.Typer()

_STATE_STYLES = {"pending": "yellow"}
_PRESENCE_STYLES = {"online": "green", "offline": "yellow", "never_seen": "dim"}
_LISTED_MAX = 1_000


@app.command("list")
def list_devices(
    *,
    site: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only devices of this site.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only devices of this model.")
    ] = None,
    state: Annotated[
        str | None, typer.Option(metavar="STATE", help="Only those that are pending or active.")
    ] = None,
    presence: Annotated[
        str | None,
        typer.Option(metavar="PRESENCE", help="Only those that are online, offline or never_seen."),
    ] = None,
    search: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Only those whose serial starts so.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most N devices.")
    ] = _LISTED_MAX,
    output: Output = Format.TABLE,
) -> None:
    """List devices by serial.

    Online is what was heard of in the last five minutes. What a pending device sends is kept aside
    until the device is approved.

    Examples:
        iotctl devices list --site harbour --presence offline
        iotctl devices list --search crane- -o json
    """
    wanted = {
        "site": site,
        "model": model,
        "state": state,
        "presence": presence,
        "search": search,
    }
    with open_gateway() as gateway:
        # One more than is shown tells whether there are others.
        found = list(gateway.get_all("/v1/devices", wanted, key="devices", limit=limit + 1))
    columns = [
        Column("serial", "SERIAL"),
        Column("site", "SITE"),
        Column("model", "MODEL"),
        Column("firmware", "FIRMWARE"),
        Column("state", "STATE", styles=_STATE_STYLES),
        Column("presence", "PRESENCE", styles=_PRESENCE_STYLES),
        Column("last_seen_at", "LAST SEEN", align="right", show=show_age(SystemClock().now())),
    ]
    print_rows(found[:limit], columns, output)
    if not found:
        print_note("no devices")
    elif len(found) > limit:
        print_note(f"and more: only the first {limit} are listed (--limit)")


@app.command()
def show(
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="Serial of the device.")],
    output: Output = Format.TABLE,
) -> None:
    """Show one device, its fields, their newest readings, and what never arrived.

    Example:
        iotctl devices show crane-7
    """
    with open_gateway() as gateway:
        device = gateway.get(f"/v1/devices/{quote(serial, safe='')}")
    if output is Format.JSON:
        print_json(device)
        return
    fields, gaps = device.pop("fields"), device.pop("gaps")
    print_fields({name.replace("_", " "): value for name, value in device.items()})
    if fields:
        typer.echo()
        print_table(fields, _FIELD_COLUMNS)
    if gaps:
        typer.echo()
        print_table(gaps, _GAP_COLUMNS)


@app.command()
def approve(
    serials: Annotated[list[str], typer.Argument(metavar="SERIAL", help="Serials of the devices.")],
    output: Output = Format.TABLE,
) -> None:
    """Let devices in that wait for approval, and store what they have sent meanwhile.

    Safe to repeat: what is left to replay is replayed then.

    Example:
        iotctl devices approve crane-7 crane-8
    """
    rows = []
    try:
        with open_gateway() as gateway:
            for serial in serials:
                path = f"/v1/devices/{quote(serial, safe='')}/approve"
                was_pending, replayed, left = replay_approved(gateway, path)
                rows.append(
                    {
                        "serial": serial,
                        "was_pending": was_pending,
                        "replayed_count": replayed,
                        "left_count": left,
                    }
                )
    finally:
        # Also when a later one fails: these are approved.
        if rows:
            print_rows(rows, _APPROVAL_COLUMNS, output)


def show_runs(runs: list[list[int]]) -> str:
    """Show runs of sequence numbers: `3-5, 9`."""
    return ", ".join(f"{first}-{last}" if first < last else f"{first}" for first, last in runs)


_FIELD_COLUMNS = (
    Column("field", "FIELD"),
    Column("last_value", "LAST VALUE", align="right"),
    Column("unit", "UNIT"),
    Column("last_observed_at", "OBSERVED AT"),
    Column("kind", "KIND"),
    Column("description", "DESCRIPTION"),
)
_GAP_COLUMNS = (
    Column("boot_id", "BOOT", align="right"),
    Column("missing_count", "MISSING BATCHES", align="right"),
    Column("missing", "SEQUENCE NUMBERS", show=show_runs),
    Column("recorded_at", "LAST BATCH AT"),
)
_APPROVAL_COLUMNS = (
    Column("serial", "SERIAL"),
    Column("was_pending", "WAS PENDING"),
    Column("replayed_count", "REPLAYED", align="right"),
    Column("left_count", "LEFT", align="right"),
)
