"""Read the log lines of devices: a window of them, the newest, or each as it comes in.

The gateway has those of the last days (WEIR_DEVICE_LOG_DAYS); files for a collector have the rest.
Times are UTC: what the device says where that can be, else when the line came.

Examples:
    iotctl logs crane-7
    iotctl logs crane-7 -f --level warning
    iotctl logs --since 1h --search "out of memory" -o ndjson
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from cli._client import Answer, Parameters, open_gateway
from cli._completion import complete_serial
from cli._follow import follow
from cli._output import Column, cell, printable
from cli._rows import write_rows
from cli._windows import (
    LAST,
    LAST_MAX,
    LIMIT,
    Last,
    Limit,
    RowFormat,
    Since,
    Until,
    last_wanted,
    read_rows,
)
from weir.model.device_log import Level

PATH = "/v1/logs"
_LEVEL_COLOURS = {"warning": "yellow", "error": "red", "critical": "bright_red"}
_LEVEL_WIDTH = max(map(len, Level))


def command(
    serials: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SERIAL", autocompletion=complete_serial, help="Devices; all if none is given."
        ),
    ] = None,
    *,
    is_followed: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with each line as it comes in.")
    ] = False,
    level: Annotated[Level | None, typer.Option(help="Only lines this bad or worse.")] = None,
    search: Annotated[
        str,
        typer.Option(metavar="TEXT", help="Only with this in message or attributes, in any case."),
    ] = "",
    since: Since = None,
    until: Until = None,
    last: Last = None,
    limit: Limit = LIMIT,
    output: Annotated[
        RowFormat, typer.Option("--output", "-o", help="How to print.")
    ] = RowFormat.TABLE,
) -> None:
    """Print log lines of devices, oldest first; without a window, the last 20.

    With --follow no line is printed twice and none is left out, whatever its time; it begins with
    the last 20, or with those since --since. A device that floods is cut: a line log_flood says
    how many of its lines are missing.
    """
    wanted: Parameters = {"serial": serials, "level": level, "text": search, "since": since}
    with open_gateway() as gateway:
        if is_followed:
            if until is not None:
                raise typer.BadParameter("--until and --follow exclude each other")
            first_count = last or (LAST_MAX if since else LAST)
            _print_live(follow(gateway, f"{PATH}/tail", wanted, first_count), output)
            return
        newest = last_wanted(last, since, until)
        rows = read_rows(gateway, PATH, {**wanted, "until": until}, last=newest, limit=limit)
        write_rows(rows, _COLUMNS, output)


def show_attributes(attributes: dict[str, Any]) -> str:
    """Show the attributes of a line: `rpm=1500 site="north wing"`."""
    return " ".join(
        f"{printable(name)}={_quoted(printable(value))}" for name, value in attributes.items()
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' ="') else text


def _print_live(lines: Iterable[Answer], output: RowFormat) -> None:
    if output is RowFormat.TABLE:
        for line in lines:
            _print_line(line)
    elif output is RowFormat.CSV:
        write_rows(_flushed(lines), _COLUMNS, output)
    else:
        write_rows(lines, _COLUMNS, RowFormat.NDJSON)


def _flushed(lines: Iterable[Answer]) -> Iterator[Answer]:
    for line in lines:
        yield line
        sys.stdout.flush()


def _print_line(line: Answer) -> None:
    # Devices write what they like, and not always a short word: columns would dance.
    level = typer.style(f"{line['level']:<{_LEVEL_WIDTH}}", fg=_LEVEL_COLOURS.get(line["level"]))
    text = f"{cell(line['message'])}  {show_attributes(line['attributes'])}".rstrip()
    typer.echo(f"{line['placed_at']}  {line['serial']}  {level}  {text}")


_COLUMNS = (
    Column("placed_at", "TIME"),
    Column("serial", "SERIAL"),
    Column("level", "LEVEL", styles=_LEVEL_COLOURS),
    Column("message", "MESSAGE"),
    Column("attributes", "ATTRIBUTES", show=show_attributes),
)
