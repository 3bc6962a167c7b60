"""Read what devices have measured: a window, the newest, or live.

Examples:
    iotctl readings get crane-7 acceleration --since 5m
    iotctl readings tail crane-7
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from cli._client import Answer, Gateway, Parameters, open_gateway
from cli._follow import follow
from cli._output import Column, cell, print_json, print_note, print_table, printable

app = typer.Typer()

_LIMIT = 1_000
_LAST = 20
_TAIL_LINES = 10
_COLUMNS = (
    Column("observed_at", "OBSERVED AT"),
    Column("field", "FIELD"),
    Column("value", "VALUE", align="right"),
    Column("unit", "UNIT"),
)
_KEYS = [column.key for column in _COLUMNS]


class ReadingFormat(StrEnum):
    """How readings are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="Serial of the device.")]
Fields = Annotated[
    list[str] | None,
    typer.Argument(metavar="FIELD", help="What to read; all fields if none is given."),
]
ReadingOutput = Annotated[ReadingFormat, typer.Option("--output", "-o", help="How to print.")]


@app.command()
def get(
    serial: Serial,
    field: Fields = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From then on: 5m (ago), 1h30m, 2026-03-14T15:09:26Z."),
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Until before then.")] = None,
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10_000, help="Only the last N.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="At most N readings; 0: all.")
    ] = _LIMIT,
    output: ReadingOutput = ReadingFormat.TABLE,
) -> None:
    """Print the readings of a window, oldest first; without a window, the last 20.

    Times are UTC. A window has its start but not its end.

    Examples:
        iotctl readings get crane-7 acceleration --since 5m
        iotctl readings get crane-7 --since 2026-03-14 --until 2026-03-15 --limit 0 -o csv
        iotctl readings get crane-7 temperature --last 1
    """
    window: Parameters = {"serial": serial, "field": field, "since": since, "until": until}
    if last is None and since is None and until is None:
        last = _LAST
    with open_gateway() as gateway:
        if last is not None:
            newest = {**window, "newest": True, "limit": last}
            _print(gateway.get("/v1/readings", newest)["readings"], output)
            return
        found = _pages(gateway, window, limit)
        _print(islice(found, limit or None), output)
        if next(found, None) is not None:
            print_note(f"and more: only the first {limit} are printed (--limit)")


@app.command()
def tail(
    serial: Serial,
    field: Fields = None,
    *,
    lines: Annotated[
        int,
        typer.Option("--lines", "-n", metavar="N", min=0, max=1_000, help="Begin with the last N."),
    ] = _TAIL_LINES,
    output: ReadingOutput = ReadingFormat.TABLE,
) -> None:
    """Print the newest readings, and then each as it comes in, until Ctrl-C.

    No reading is printed twice, and none that comes in is left out, save one: a reading that is
    older than the last that was printed of its field. `iotctl readings get` has it. JSON comes as
    one object a line.

    Examples:
        iotctl readings tail crane-7
        iotctl readings tail crane-7 temperature -n 0 -o json
    """
    with open_gateway() as gateway:
        readings = follow(gateway, {"serial": serial, "field": field}, lines)
        match output:
            case ReadingFormat.TABLE:
                _print_lines(readings)
            case ReadingFormat.JSON:
                for reading in readings:
                    typer.echo(json.dumps(reading, ensure_ascii=False))
            case ReadingFormat.CSV:
                _print_csv(readings, is_live=True)


def _pages(gateway: Gateway, window: Parameters, limit: int) -> Iterator[Answer]:
    # One more than is printed tells whether there are others.
    wanted = limit + 1 if limit else None
    return gateway.get_all("/v1/readings", window, key="readings", limit=wanted)


def _print(readings: Iterable[Answer], output: ReadingFormat) -> None:
    match output:
        case ReadingFormat.TABLE:
            print_table(list(readings), _COLUMNS)
        case ReadingFormat.JSON:
            print_json(list(readings))
        case ReadingFormat.CSV:
            _print_csv(readings)


def _print_csv(readings: Iterable[Answer], *, is_live: bool = False) -> None:
    writer = csv.DictWriter(sys.stdout, _KEYS, lineterminator="\n")
    writer.writeheader()
    for reading in readings:
        writer.writerow(reading)
        if is_live:
            sys.stdout.flush()


def _print_lines(readings: Iterable[Answer]) -> None:
    width = 0
    for reading in readings:
        # Columns stay where they are until a longer name comes.
        field = printable(reading["field"])
        width = max(width, len(field))
        typer.echo(
            f"{reading['observed_at']}  {field:<{width}}  {cell(reading['value'])} "
            f"{printable(reading['unit'])}".rstrip()
        )
