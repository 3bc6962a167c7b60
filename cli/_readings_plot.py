"""`iotctl readings plot`: readings as a chart, in the terminal or as a picture."""

from datetime import UTC
from pathlib import Path
from shutil import get_terminal_size
from typing import Annotated

import typer

from cli import _chart_picture, _chart_terminal
from cli._chart_curves import fetch_curves
from cli._client import open_gateway
from cli._output import print_note
from cli._readings_options import Serials, Until, series_parameters
from weir.errors import ConfigError

_EXIT_NOTHING = 1
#: Where standard output is no terminal.
_SIZE = (100, 24)

Fields = Annotated[
    list[str],
    typer.Argument(metavar="FIELD", help="What to draw; * stands for any characters."),
]
Since = Annotated[
    str, typer.Option(metavar="TIME", help="From then on: 5m (ago), 1d, 2026-03-14T15:09:26Z.")
]
Picture = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write a picture: .png, .svg or .pdf."),
]
IsUtc = Annotated[bool, typer.Option("--utc", help="Times in UTC, not in this machine's zone.")]


def plot(
    serials: Serials,
    fields: Fields,
    *,
    since: Since = "1h",
    until: Until = None,
    picture: Picture = None,
    is_utc: IsUtc = False,
) -> None:
    """Draw the readings of a window, in the terminal or as a picture.

    Long windows are drawn by averages, in a picture with what lies between the least and the
    greatest as a shade. Pictures need matplotlib: pip install 'weir[files]'.

    Examples:
        iotctl readings plot crane-7 acceleration
        iotctl readings plot house-12 'power/*' --since 1d --utc
        iotctl readings plot house-12 power temperature --since 30d -o month.png
    """
    if picture is not None and picture.suffix.lower() not in _chart_picture.SUFFIXES:
        raise ConfigError(f"-o {picture}: a picture's name ends with .png, .svg or .pdf")
    zone = UTC if is_utc else None
    size = get_terminal_size(_SIZE)
    points = _chart_terminal.points_for(size.columns) if picture is None else _chart_picture.POINTS
    wanted = {**series_parameters(serials, fields), "since": since, "until": until or "now"}
    with open_gateway() as gateway:
        curves = fetch_curves(gateway, wanted, points)
    if not curves:
        print_note("no readings")
        raise typer.Exit(_EXIT_NOTHING)
    if picture is None:
        _chart_terminal.draw(curves, size, zone)
    else:
        _chart_picture.draw(curves, picture, zone)
        print_note(f"{picture} is written")
