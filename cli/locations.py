"""Read where devices were: a window of their locations, or where each was last.

Examples:
    iotctl locations get van-7 --since 1h
    iotctl locations get van-7 --since 1d -o track > day.geojson
    iotctl locations latest
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import typer

from cli._client import Gateway, Parameters, open_gateway
from cli._completion import complete_serial
from cli._output import Column, print_json, print_note
from cli._rows import write_rows
from cli._windows import LIMIT, Last, Limit, RowFormat, Since, Until, last_wanted, read_rows

app = typer.Typer()

PATH = "/v1/locations"
#: One document holds so many; a longer track is asked for in parts.
_DOCUMENT_MAX = 10_000


class LocationFormat(StrEnum):
    """How locations are printed; the last two are GeoJSON."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    YAML = "yaml"
    CSV = "csv"
    POINTS = "points"
    TRACK = "track"


class LatestFormat(StrEnum):
    """How the latest locations are printed; points are GeoJSON."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"
    YAML = "yaml"
    CSV = "csv"
    POINTS = "points"


@app.command()
def get(
    serials: Annotated[
        list[str], typer.Argument(metavar="SERIAL", autocompletion=complete_serial, help="Devices.")
    ],
    *,
    since: Since = None,
    until: Until = None,
    last: Last = None,
    limit: Limit = LIMIT,
    output: Annotated[
        LocationFormat,
        typer.Option("--output", "-o", help="How to print; points and track are GeoJSON."),
    ] = LocationFormat.TABLE,
) -> None:
    """Print where devices were in a window, oldest first; without a window, the last 20.

    Times are UTC. A window has its start but not its end. Latitude and longitude are WGS 84. A
    track is a line for each device; a GeoJSON document has at most 10000 places.

    Examples:
        iotctl locations get van-7 --since 1h
        iotctl locations get van-7 van-8 --since 2026-03-14 --limit 0 -o csv
        iotctl locations get van-7 --since 1d -o track > day.geojson
    """
    window: Parameters = {"serial": serials, "since": since, "until": until}
    newest = last_wanted(last, since, until)
    with open_gateway() as gateway:
        if output in {LocationFormat.POINTS, LocationFormat.TRACK}:
            count = newest or min(limit or _DOCUMENT_MAX, _DOCUMENT_MAX)
            is_newest = newest is not None
            wanted = {**window, "shape": output.value, "limit": count, "newest": is_newest}
            _print_document(gateway, PATH, wanted)
            return
        rows = read_rows(gateway, PATH, window, last=newest, limit=limit)
        write_rows(rows, _COLUMNS, RowFormat(output))


@app.command()
def latest(
    serials: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERIAL", autocompletion=complete_serial, help="Devices; all if none is given."
        ),
    ] = None,
    *,
    output: Annotated[
        LatestFormat, typer.Option("--output", "-o", help="How to print; points are GeoJSON.")
    ] = LatestFormat.TABLE,
) -> None:
    """Print where each device was last, by serial; those that never told are left out.

    Examples:
        iotctl locations latest
        iotctl locations latest -o points > fleet.geojson
    """
    wanted: Parameters = {"serial": serials}
    path = f"{PATH}/latest"
    with open_gateway() as gateway:
        if output is LatestFormat.POINTS:
            _print_document(gateway, path, {**wanted, "shape": output.value, "limit": 1_000})
            return
        found = gateway.get_all(path, wanted, key="locations", limit=None)
        write_rows(found, _COLUMNS, RowFormat(output))


def _print_document(gateway: Gateway, path: str, wanted: Parameters) -> None:
    document = dict(gateway.get(path, wanted))
    if document.pop("next_cursor"):
        print_note("and more: a document has only so many places; ask for a shorter window")
    print_json(document)


def _show_angle(angle_deg: float | None) -> str:
    # A decimetre on the ground.
    return "-" if angle_deg is None else f"{angle_deg:.6f}"


_STYLES: Mapping[str, str] = {"none": "dim", "unknown": "dim"}
_COLUMNS = (
    Column("observed_at", "OBSERVED AT"),
    Column("serial", "SERIAL"),
    Column("latitude_deg", "LATITUDE", align="right", show=_show_angle),
    Column("longitude_deg", "LONGITUDE", align="right", show=_show_angle),
    Column("altitude_m", "ALTITUDE m", align="right"),
    Column("speed_mps", "SPEED m/s", align="right"),
    Column("heading_deg", "HEADING °", align="right"),
    Column("fix", "FIX", styles=_STYLES),
)
