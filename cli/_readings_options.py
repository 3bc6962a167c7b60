"""What `iotctl readings get` and `export` both take: which readings, and in which resolution."""

from typing import Annotated

import typer

from cli._client import Parameters
from cli._completion import complete_serial
from weir.model.query import Days, Fill, Function, Resolution

Serials = Annotated[
    str,
    typer.Argument(
        metavar="SERIAL",
        autocompletion=complete_serial,
        help="Serial of the device; several with commas between.",
    ),
]
Fields = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FIELD", help="What to read; * stands for any characters. None: all fields."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From then on: 5m (ago), 1h30m, 2026-03-14T15:09:26Z."),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Until before then.")]
Width = Annotated[
    Resolution,
    typer.Option(
        "--resolution",
        "-r",
        metavar="WIDTH",
        help="raw, auto, or buckets of 1m, 2m, 5m, 10m, 15m, 30m, 1h, 2h, ..., 12h, 1d.",
        show_choices=False,
    ),
]
Functions = Annotated[
    list[Function] | None,
    typer.Option(
        "--function",
        "-f",
        metavar="NAME",
        help="Of each bucket avg, min, max, sum, count, first, last, rise or stddev; "
        "may be repeated.",
        show_choices=False,
    ),
]
Filling = Annotated[Fill, typer.Option(help="What stands for buckets without readings.")]
Zone = Annotated[
    Days, typer.Option("--time-zone", help="Whose midnight the buckets of 1d begin at.")
]
MaxPoints = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=3,
        help="With auto, the most buckets of a field; with raw, readings that keep the shape.",
    ),
]


def series_parameters(serials: str, fields: list[str] | None) -> dict[str, str | list[str] | None]:
    """Name the devices and fields of a question."""
    return {"serial": [each for each in serials.split(",") if each], "field": fields}


def bucket_parameters(
    resolution: Resolution,
    functions: list[Function] | None,
    fill: Fill,
    days: Days,
    max_points: int | None,
) -> Parameters:
    """Say how the readings are to be summed up; what is not asked for is left out."""
    return {
        "resolution": resolution.value,
        "function": [each.value for each in functions or []] or None,
        "fill": fill.value if fill is not Fill.NONE else None,
        "time_zone": days.value if days is not Days.UTC else None,
        "max_points": max_points,
    }
