"""Publish recorded data as a device, through the broker as any device does.

The broker is the one in WEIR_MQTT_URL: mqtt://user:password@host:port, where the user is normally
the device's serial.

Example:
    WEIR_MQTT_URL=... iotctl publish csv weather.csv --serial weather-1 --time-column time
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from cli._csv_options import (
    Decimal,
    Delimiter,
    Encoding,
    Missing,
    TimeFormat,
    Zone,
    one_character,
    zone,
)
from cli._output import Format, Output, print_data, print_fields, print_note, printable
from producers.csv_file import CsvFile, CsvLayout
from producers.csv_lines import MISSING
from producers.csv_replay import BATCH_ROWS, Account, Pace, replay_csv
from weir.clock import SystemClock, to_us
from weir.config import Settings, reveal
from weir.errors import ConfigError
from weir.log import configure_logging
from weir.mqtt.address import MqttAddress

app = typer.Typer()

_URL_VARIABLE = "WEIR_MQTT_URL"
_AS_FAST_AS_POSSIBLE = "max"

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV file with a header line.")]
Serial = Annotated[str, typer.Option(metavar="SERIAL", help="The device to publish as.")]
TimeColumn = Annotated[
    str, typer.Option(metavar="COLUMN", help="Times: ISO 8601, or a number since 1970.")
]
Columns = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="A column to send; without, all are.")
]
Texts = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="A column of texts, not of numbers.")
]
Speed = Annotated[
    str, typer.Option(metavar="X|max", help="Times faster than the file's own times.")
]
StartsAt = Annotated[
    datetime | None, typer.Option(help="Shift all times, so that the first row is then (UTC).")
]
EndsNow = Annotated[
    bool, typer.Option("--ends-now", help="Shift all times, so that the latest row is now.")
]
BatchRows = Annotated[int, typer.Option(min=1, max=10_000, help="Rows in a batch, at most.")]
Model = Annotated[str, typer.Option(metavar="TEXT", help="Announced as the device's model.")]
Strict = Annotated[
    bool, typer.Option("--strict", help="Give up at the first row or value that is wrong.")
]


@app.command("csv")
def publish_csv(
    file: File,
    *,
    serial: Serial,
    time_column: TimeColumn,
    time_format: TimeFormat = None,
    timezone: Zone = "UTC",
    column: Columns = None,
    text: Texts = None,
    missing: Missing = None,
    delimiter: Delimiter = ",",
    decimal: Decimal = ".",
    encoding: Encoding = "utf-8",
    speed: Speed = _AS_FAST_AS_POSSIBLE,
    starts_at: StartsAt = None,
    ends_now: EndsNow = False,
    batch: BatchRows = BATCH_ROWS,
    model: Model = "csv-replay",
    strict: Strict = False,
    output: Output = Format.TABLE,
) -> None:
    """Send the rows of a CSV file, and account for each of them.

    Headers become fields; `GHI (W/m^2)` becomes field GHI with unit W/m^2. What cannot be sent is
    reported with its line and left out. A file may be sent again: its readings are stored once.

    Examples:
        iotctl publish csv weather.csv --serial weather-1 --time-column time --missing -9900
        iotctl publish csv run.csv --serial pump-7 --time-column t --speed 60 --ends-now
    """
    settings = Settings.from_env(os.environ, require=[_URL_VARIABLE])
    layout = CsvLayout(
        time_column=time_column,
        time_format=time_format,
        zone=zone(timezone),
        columns=tuple(column or ()),
        text_columns=tuple(text or ()),
        missing=MISSING | {value.lower() for value in missing or ()},
        delimiter=one_character("--delimiter", delimiter),
        decimal_mark=one_character("--decimal", decimal),
        encoding=encoding,
    )
    pace = _pace(speed, starts_at, ends_now=ends_now, batch_rows=batch, is_strict=strict)
    address = MqttAddress.of_device(reveal(settings.mqtt.url, _URL_VARIABLE), serial)
    source = CsvFile(file, layout)
    configure_logging(settings.log.level, "publish")
    with _progress(source) as on_progress:
        account = asyncio.run(replay_csv(source, address, pace, model, on_progress))
    _print_account(account, output)


def _pace(
    speed: str, starts_at: datetime | None, *, ends_now: bool, batch_rows: int, is_strict: bool
) -> Pace:
    if starts_at is not None and ends_now:
        raise ConfigError("--starts-at and --ends-now exclude each other")
    return Pace(
        speed=_parse_speed(speed),
        starts_at_us=None if starts_at is None else to_us(starts_at.replace(tzinfo=UTC)),
        ends_at_us=to_us(SystemClock().now()) if ends_now else None,
        batch_rows=batch_rows,
        is_strict=is_strict,
    )


def _parse_speed(text: str) -> float | None:
    if text == _AS_FAST_AS_POSSIBLE:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise ConfigError(f"--speed {text}: a number above 0, or {_AS_FAST_AS_POSSIBLE}")
    return speed


@contextmanager
def _progress(source: CsvFile) -> Iterator[Callable[[Account], object]]:
    """Draw a bar on stderr, where a person can see it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(printable(source.path.name), total=max(source.size_bytes, 1))

        def show(account: Account) -> None:
            description = f"{account.readings_sent:,} readings"
            bar.update(task, completed=source.read_bytes, description=description)

        yield show


def _print_account(account: Account, output: Format) -> None:
    if output.is_for_programs:
        print_data(
            {
                "rows_read": account.rows_read,
                "rows_skipped": account.rows_skipped,
                "readings_sent": account.readings_sent,
                "readings_skipped": account.readings_skipped,
                "batches_sent": account.batches_sent,
                "seconds": account.seconds,
                "readings_per_s": account.readings_per_s,
                "problems": [asdict(problem) for problem in account.quoted],
            },
            output,
        )
        return
    for problem in account.quoted:
        print_note(printable(str(problem)))
    print_fields(
        {
            "rows read": account.rows_read,
            **{f"rows skipped, {why}": count for why, count in account.rows_skipped.items()},
            "readings sent": account.readings_sent,
            **{f"values skipped, {why}": n for why, n in account.readings_skipped.items()},
            "batches": account.batches_sent,
            "seconds": round(account.seconds, 3),
            "readings/s": round(account.readings_per_s),
        }
    )
