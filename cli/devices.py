"""List, show and watch devices; name and move them, let them in, shut them out, delete them.

Examples:
    iotctl devices list --presence offline
    iotctl devices show crane-7
    iotctl devices watch
    iotctl devices approve crane-7
    iotctl devices move crane-7 --to harbour
    iotctl devices disable crane-7
"""

import sys
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import quote

import typer

from cli._client import Answer, Gateway, open_gateway
from cli._completion import complete_serial
from cli._device_watch import follow_devices, print_changes
from cli._listing import Listing
from cli._output import (
    Column,
    Format,
    Output,
    print_data,
    print_fields,
    print_note,
    print_rows,
    print_table,
    show_age,
)
from cli._settling import replay_approved
from cli._watch import watchable
from weir.clock import SystemClock

app = typer.Typer()

PATH = "/v1/devices"
_STATE_STYLES = {"pending": "yellow", "disabled": "yellow", "deleted": "dim"}
_PRESENCE_STYLES = {"online": "green", "offline": "yellow", "never_seen": "dim"}
_LISTED_MAX = 1_000

Serial = Annotated[
    str,
    typer.Argument(metavar="SERIAL", autocompletion=complete_serial, help="Serial of the device."),
]
Serials = Annotated[
    list[str],
    typer.Argument(
        metavar="SERIAL", autocompletion=complete_serial, help="Serials of the devices."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
@watchable
def list_devices(
    *,
    site: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only devices of this site.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only devices of this model.")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE", help="Only those that are pending, active, disabled or deleted."
        ),
    ] = None,
    presence: Annotated[
        str | None,
        typer.Option(metavar="PRESENCE", help="Only those that are online, offline or never_seen."),
    ] = None,
    field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those that measure this.")
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Only those with this in serial, name or model."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=1, help="At most N devices.")
    ] = _LISTED_MAX,
    output: Output = Format.TABLE,
) -> None:
    """List devices by serial.

    Offline is what said farewell, lost its connection, or was silent for over twice as long as it
    declares (five minutes, where it declares nothing). What a pending or disabled device sends is
    kept aside until it is approved or enabled. Deleted ones are listed with --state deleted.

    Examples:
        iotctl devices list --site harbour --presence offline
        iotctl devices list --search crane- -o json
    """
    wanted = {
        "site": site,
        "model": model,
        "state": state,
        "presence": presence,
        "field": field,
        "search": search,
    }
    seen = Column("last_seen_at", "LAST SEEN", align="right", show=show_age(SystemClock().now()))
    Listing(PATH, "devices", "devices").show(wanted, [*_LIST_COLUMNS, seen], limit, output)


@app.command()
@watchable
def show(serial: Serial, output: Output = Format.TABLE) -> None:
    """Show one device, its fields, their newest readings, and what never arrived.

    Example:
        iotctl devices show crane-7
    """
    with open_gateway() as gateway:
        device = gateway.get(_path(serial))
    if output.is_for_programs:
        print_data(device, output)
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
def watch(
    serials: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERIAL", autocompletion=complete_serial, help="Only these; else all devices."
        ),
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Print what happens to devices from now on: they come and go, are enrolled, moved, disabled.

    None is printed twice and none is left out, until Ctrl-C. JSON comes as one object a line.

    Examples:
        iotctl devices watch
        iotctl devices watch crane-7 crane-8 -o json
    """
    with open_gateway() as gateway:
        print_changes(follow_devices(gateway, serials or []), output)


@app.command()
def approve(serials: Serials, output: Output = Format.TABLE) -> None:
    """Let devices in that wait for approval, and store what they have sent meanwhile.

    Safe to repeat: what is left to replay is replayed then.

    Example:
        iotctl devices approve crane-7 crane-8
    """
    rows = []
    try:
        with open_gateway() as gateway:
            for serial in serials:
                was_pending, replayed, left = replay_approved(gateway, f"{_path(serial)}/approve")
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


@app.command("set")
def set_(
    serial: Serial,
    *,
    name: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What people call it; '' for nothing.")
    ] = None,
    site: Annotated[
        str | None, typer.Option(metavar="SLUG", help="The site that it is at.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Change what a device is called, or where it is.

    Refused when somebody else changes it at the same moment.

    Example:
        iotctl devices set crane-7 --name "Crane at pier 3"
    """
    given = {"name": name, "site": site}
    body = {key: value for key, value in given.items() if value is not None}
    if not body:
        raise typer.BadParameter("say what is to change: --name, --site")
    with open_gateway() as gateway:
        version = gateway.get(_path(serial))["version"]
        _print_devices([gateway.patch(_path(serial), body, version=version)], output)


@app.command()
def move(
    serials: Serials,
    *,
    to: Annotated[str, typer.Option("--to", metavar="SITE", help="The site that they are at.")],
    output: Output = Format.TABLE,
) -> None:
    """Assign devices to a site; their days begin at its midnight then.

    Example:
        iotctl devices move crane-7 crane-8 --to harbour
    """
    with open_gateway() as gateway:
        moved = (gateway.patch(_path(serial), {"site": to}) for serial in serials)
        _print_devices(moved, output)


@app.command()
def disable(serials: Serials, yes: Yes = False, output: Output = Format.TABLE) -> None:
    """Shut devices out: what they send is kept as dead letters until they are enabled.

    A device that waits for approval is rejected by it.

    Example:
        iotctl devices disable crane-7
    """
    _confirm(f"disable {', '.join(serials)}?", yes=yes)
    with open_gateway() as gateway:
        changed = (gateway.post(f"{_path(serial)}/disable") for serial in serials)
        _print_devices(changed, output)


@app.command()
def enable(serials: Serials, output: Output = Format.TABLE) -> None:
    """Let devices in again that were disabled; what they sent meanwhile can be replayed.

    Example:
        iotctl devices enable crane-7
    """
    with open_gateway() as gateway:
        changed = (gateway.post(f"{_path(serial)}/enable") for serial in serials)
        _print_devices(changed, output)
        _tell_held(gateway, serials, "device_disabled")


@app.command()
def delete(serials: Serials, yes: Yes = False) -> None:
    """Remove devices from the lists and shut them out; what they have measured stays.

    `iotctl devices undelete` brings them back.

    Example:
        iotctl devices delete crane-7
    """
    _confirm(f"delete {', '.join(serials)}? (what is measured stays)", yes=yes)
    with open_gateway() as gateway:
        for serial in serials:
            gateway.delete(_path(serial))
            print_note(f"{serial} is deleted: `iotctl devices undelete {serial}` brings it back")


@app.command()
def undelete(serials: Serials, output: Output = Format.TABLE) -> None:
    """Bring deleted devices back, as they were; what they sent meanwhile can be replayed.

    Example:
        iotctl devices undelete crane-7
    """
    with open_gateway() as gateway:
        changed = (gateway.post(f"{_path(serial)}/undelete") for serial in serials)
        _print_devices(changed, output)
        _tell_held(gateway, serials, "device_deleted")


def _path(serial: str) -> str:
    return f"{PATH}/{quote(serial, safe='')}"


def _confirm(question: str, *, yes: bool) -> None:
    if not yes and sys.stdin.isatty():
        typer.confirm(question, abort=True, err=True)


def _print_devices(changed: Iterable[Answer], output: Format) -> None:
    """Print each device as it is now; when a later one fails, those before it are printed too."""
    devices: list[Answer] = []
    try:
        devices.extend(changed)
    finally:
        if devices:
            print_rows(devices, _CHANGED_COLUMNS, output)


def _tell_held(gateway: Gateway, serials: list[str], reason: str) -> None:
    """Say how much was kept aside, and how it is stored after all."""
    for serial in serials:
        wanted = {"serial": serial, "reason": reason, "state": "kept"}
        count = gateway.get("/v1/dead-letters/count", wanted)["count"]
        if count:
            print_note(
                f"{count} messages of {serial} were kept aside: "
                f"`iotctl dead replay --device {serial} --reason {reason}` stores them"
            )


def show_runs(runs: list[list[int]]) -> str:
    """Show runs of sequence numbers: `3-5, 9`."""
    return ", ".join(f"{first}-{last}" if first < last else f"{first}" for first, last in runs)


_LIST_COLUMNS = (
    Column("serial", "SERIAL"),
    Column("name", "NAME"),
    Column("site", "SITE"),
    Column("model", "MODEL"),
    Column("firmware", "FIRMWARE"),
    Column("state", "STATE", styles=_STATE_STYLES),
    Column("presence", "PRESENCE", styles=_PRESENCE_STYLES),
)
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
_CHANGED_COLUMNS = (
    Column("serial", "SERIAL"),
    Column("name", "NAME"),
    Column("site", "SITE"),
    Column("state", "STATE", styles=_STATE_STYLES),
)
_APPROVAL_COLUMNS = (
    Column("serial", "SERIAL"),
    Column("was_pending", "WAS PENDING"),
    Column("replayed_count", "REPLAYED", align="right"),
    Column("left_count", "LEFT", align="right"),
)
