"""List and show what the fields of devices are, and say it in place of the device.

Examples:
    iotctl series list --device crane-7
    iotctl series set meter-3 energy --kind total_increasing --unit kW.h
    iotctl series set meter-3 energy --restore unit
"""

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from cli._client import Answer, open_gateway
from cli._completion import complete_serial
from cli._listing import Listing
from cli._output import (
    Column,
    Format,
    Output,
    print_data,
    print_fields,
)
from weir.model.announcement import Kind

app = typer.Typer()

PATH = "/v1/series"
_LISTED_MAX = 1_000

Serial = Annotated[
    str,
    typer.Argument(metavar="SERIAL", autocompletion=complete_serial, help="Serial of the device."),
]
FieldName = Annotated[str, typer.Argument(metavar="FIELD", help="What it measures.")]


class Setting(StrEnum):
    """What an operator may say of a series."""

    UNIT = "unit"
    DESCRIPTION = "description"
    KIND = "kind"
    CLASS = "class"


@app.command("list")
def list_series(
    *,
    device: Annotated[
        str | None,
        typer.Option(
            metavar="SERIAL", autocompletion=complete_serial, help="Only those of this device."
        ),
    ] = None,
    site: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only those of devices at this site.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only those of this kind.")] = None,
    series_class: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Only those of this class.")
    ] = None,
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only those whose field has this in it.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most N series.")] = _LISTED_MAX,
    output: Output = Format.TABLE,
) -> None:
    """List series by device and field; SET names what an operator has said of one.

    Examples:
        iotctl series list --device crane-7
        iotctl series list --kind total_increasing --search energy -o json
    """
    wanted = {
        "serial": device,
        "site": site,
        "kind": kind,
        "series_class": series_class,
        "search": search,
    }
    Listing(PATH, "series", "series").show(wanted, _COLUMNS, limit, output)


@app.command()
def show(serial: Serial, field: FieldName, output: Output = Format.TABLE) -> None:
    """Show one series: what holds, and what its device says.

    Example:
        iotctl series show meter-3 energy
    """
    with open_gateway() as gateway:
        _print(gateway.get(_path(serial, field)), output)


@app.command("set")
def set_(
    serial: Serial,
    field: FieldName,
    *,
    kind: Annotated[
        Kind | None, typer.Option(help="What its numbers mean over time; rollups are redone.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="Its unit, in UCUM: kW.h, Cel, m/s2.")
    ] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is, for people.")
    ] = None,
    series_class: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="What retention policies go by.")
    ] = None,
    restore: Annotated[
        list[Setting] | None, typer.Option(help="Let the device say this again.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Say what a series is; no announcement of its device changes that again.

    Readings stay as they are: a unit is a label. Refused when somebody else changes it at the same
    moment.

    Examples:
        iotctl series set meter-3 energy --kind total_increasing --unit kW.h
        iotctl series set crane-7 acceleration --class vibration
        iotctl series set meter-3 energy --restore unit --restore kind
    """
    given = {
        "kind": kind,
        "unit": unit,
        "description": description,
        "series_class": series_class,
    }
    body: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    for setting in restore or []:
        body["series_class" if setting is Setting.CLASS else setting.value] = None
    if not body:
        raise typer.BadParameter("say what: --kind, --unit, --description, --class, --restore")
    with open_gateway() as gateway:
        series = gateway.get(_path(serial, field))
        _print(gateway.patch(_path(serial, field), body, version=series["version"]), output)


def _path(serial: str, field: str) -> str:
    return f"{PATH}/{quote(serial, safe='')}/{quote(field)}"


def _print(series: Answer, output: Format) -> None:
    if output.is_for_programs:
        print_data(series, output)
    else:
        told = {**series, "overridden": _names(series["overridden"])}
        print_fields({name.replace("_", " "): value for name, value in told.items()})


def _names(names: list[str]) -> str:
    return ", ".join(names)


_COLUMNS = (
    Column("serial", "DEVICE"),
    Column("field", "FIELD"),
    Column("unit", "UNIT"),
    Column("kind", "KIND"),
    Column("series_class", "CLASS"),
    Column("overridden", "SET", show=lambda names: _names(names) or "-"),
    Column("description", "DESCRIPTION"),
)
