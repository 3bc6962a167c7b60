"""Read what devices have measured: a window, in buckets, the newest, live, or as a file.

Examples:
    iotctl readings get crane-7 acceleration --since 5m
    iotctl readings get crane-7 temperature --since 7d -r 1h -f avg -f max
    iotctl readings tail crane-7
    iotctl readings export crane-7 --since 30d --out crane-7.parquet
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Annotated

import typer

from cli._client import PAGE_SIZE, Answer, Gateway, Parameters, open_gateway
from cli._follow import follow
from cli._output import (
    Column,
    Format,
    cell,
    print_data,
    print_json,
    print_note,
    print_table,
    printable,
)
from cli._readings_delete import delete
from cli._readings_export import PATH, export
from cli._readings_import import import_readings
from cli._readings_options import (
    Fields,
    Filling,
    Functions,
    MaxPoints,
    Serials,
    Since,
    Until,
    Width,
    Zone,
    bucket_parameters,
    series_parameters,
)
from cli._readings_plot import plot
from weir.model.query import Days, Fill, Resolution

app = typer.Typer()

_LIMIT = 1_000
_LAST = 20
_TAIL_LINES = 10
_OBSERVED_AT = Column("observed_at", "OBSERVED AT")
_BUCKET = Column("bucket", "BUCKET")
_VALUE = Column("value", "VALUE", align="right")
_SERIAL = Column("serial", "SERIAL")
_FIELD = Column("field", "FIELD")
_UNIT = Column("unit", "UNIT")
_QUALITY = Column("quality", "QUALITY")


class ReadingFormat(StrEnum):
    """How readings are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"
    YAML = "yaml"


ReadingOutput = Annotated[
    ReadingFormat, typer.Option("--output", "--format", "-o", help="How to print.")
]


@app.command()
def get(
    serial: Serials,
    field: Fields = None,
    *,
    since: Since = None,
    until: Until = None,
    resolution: Width = Resolution.RAW,
    function: Functions = None,
    fill: Filling = Fill.NONE,
    time_zone: Zone = Days.UTC,
    max_points: MaxPoints = None,
    last: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10_000, help="Only the last N.")
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="N", min=0, help="At most N rows; 0: all.")
    ] = _LIMIT,
    quality: Annotated[
        bool, typer.Option("--quality", help="Add what devices have against their readings.")
    ] = False,
    output: ReadingOutput = ReadingFormat.TABLE,
) -> None:
    """Print the readings of a window, oldest first; without a window, the last 20.

    Times are UTC. A window has its start but not its end, and cuts buckets exactly: only readings
    inside count. What is written to a file, `iotctl readings export` writes faster. JSON names the
    quality of a reading wherever it is doubted.

    Examples:
        iotctl readings get crane-7 acceleration --since 5m
        iotctl readings get crane-7 --since 2026-03-14 --until 2026-03-15 --limit 0 -o csv
        iotctl readings get crane-7 temperature --last 1
        iotctl readings get house-1,house-2 'meter/*' --since 30d -r 1d -f rise --time-zone site
    """
    wanted: Parameters = {
        **series_parameters(serial, field),
        "since": since,
        "until": until,
        **bucket_parameters(resolution, function, fill, time_zone, max_points),
    }
    if last is None and since is None and until is None and resolution is Resolution.RAW:
        last = _LAST
    doubts = [_QUALITY] if quality else []
    with open_gateway() as gateway:
        if last is not None or (max_points is not None and resolution is Resolution.RAW):
            newest: Parameters = {"newest": True, "limit": last} if last else {}
            columns, page = _rows_of(gateway.get(PATH, {**wanted, **newest}), wanted)
            _print([*columns, *doubts], page, output)
            return
        columns, rows = _pages(gateway, wanted, limit)
        _print([*columns, *doubts], islice(rows, limit or None), output)
        if next(rows, None) is not None:
            print_note(f"and more: only the first {limit} are printed (--limit)")


@app.command()
def tail(
    serial: Serials,
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
    older than the last that was printed of its field. `iotctl readings get` has it, and so has the
    gateway's live stream: curl -N '.../v1/live/readings?serial=crane-7'. JSON comes as one object
    a line.

    Examples:
        iotctl readings tail crane-7
        iotctl readings tail crane-7 temperature -n 0 -o json
    """
    wanted: Parameters = series_parameters(serial, field)
    with open_gateway() as gateway:
        readings = follow(gateway, f"{PATH}/tail", wanted, lines)
        columns, _ = _rows_of({"readings": []}, wanted)
        match output:
            case ReadingFormat.TABLE:
                _print_lines(readings, with_serials=_SERIAL in columns)
            case ReadingFormat.JSON | ReadingFormat.NDJSON:
                _print_objects(readings)
            case ReadingFormat.YAML:
                _print_yaml(readings)
            case ReadingFormat.CSV:
                _print_csv(columns, readings, is_live=True)


# Listed in this order behind the two above.
app.command()(export)
app.command()(plot)
app.command("import")(import_readings)
app.command()(delete)


def _pages(
    gateway: Gateway, wanted: Parameters, limit: int
) -> tuple[Sequence[Column], Iterator[Answer]]:
    # One more than is printed tells whether there are others.
    size = min(PAGE_SIZE, limit + 1) if limit else PAGE_SIZE
    first = gateway.get(PATH, {**wanted, "limit": size})
    columns, rows = _rows_of(first, wanted)

    def all_rows() -> Iterator[Answer]:
        yield from rows
        cursor = first["next_cursor"]
        while cursor is not None:
            page = gateway.get(PATH, {**wanted, "limit": size, "cursor": cursor})
            yield from _rows_of(page, wanted)[1]
            cursor = page["next_cursor"]

    return columns, all_rows()


def _rows_of(page: Answer, wanted: Parameters) -> tuple[Sequence[Column], list[Answer]]:
    """Give the rows of an answer, and how they are printed: readings or buckets."""
    serials = wanted["serial"]
    serial = [_SERIAL] if isinstance(serials, list) and len(serials) > 1 else []
    if "readings" in page:
        return [_OBSERVED_AT, *serial, _FIELD, _VALUE, _UNIT], page["readings"]
    functions = [Column(name, name.upper(), align="right") for name in page["functions"]]
    return [_BUCKET, *serial, _FIELD, *functions, _UNIT], page["buckets"]


def _print(columns: Sequence[Column], rows: Iterable[Answer], output: ReadingFormat) -> None:
    match output:
        case ReadingFormat.TABLE:
            print_table(list(rows), columns)
        case ReadingFormat.JSON:
            print_json(list(rows))
        case ReadingFormat.NDJSON:
            _print_objects(rows)
        case ReadingFormat.YAML:
            _print_yaml(rows)
        case ReadingFormat.CSV:
            _print_csv(columns, rows)


def _print_objects(rows: Iterable[Answer]) -> None:
    for row in rows:
        typer.echo(json.dumps(row, ensure_ascii=False))


def _print_yaml(rows: Iterable[Answer]) -> None:
    # A list that goes on is a list again.
    for row in rows:
        print_data([row], Format.YAML)


def _print_csv(columns: Sequence[Column], rows: Iterable[Answer], *, is_live: bool = False) -> None:
    keys = [column.key for column in columns]
    writer = csv.DictWriter(sys.stdout, keys, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
        if is_live:
            sys.stdout.flush()


def _print_lines(readings: Iterable[Answer], *, with_serials: bool) -> None:
    width = 0
    for reading in readings:
        # Columns stay where they are until a longer name comes.
        field = printable(reading["field"])
        width = max(width, len(field))
        serial = f"{reading['serial']}  " if with_serials else ""
        typer.echo(
            f"{reading['observed_at']}  {serial}{field:<{width}}  {cell(reading['value'])} "
            f"{printable(reading['unit'])}".rstrip()
        )
