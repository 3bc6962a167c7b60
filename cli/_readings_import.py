"""`iotctl readings import`: a file of readings, on the way that readings of devices take."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli._client import open_gateway
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
from cli._import_sending import ImportAccount, ImportTask, import_file
from cli._output import Format, Output, print_data, print_fields, print_note, printable
from cli._progress import share_bar
from cli._rejected_file import rejected_file
from producers.csv_lines import MISSING, CsvLines
from producers.import_file import ImportFile, Lines
from producers.import_layout import ImportOptions
from weir.errors import ConfigError
from weir.model.serial import check_serial

_CSV_SUFFIXES = (".csv", ".tsv", ".txt")
_PARQUET_SUFFIXES = (".parquet", ".pq")
_EXIT_REFUSED = 1

File = Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header line, or Parquet.")]
Serial = Annotated[
    str | None, typer.Option(metavar="SERIAL", help="The device of all rows, if no column has it.")
]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="NAME=COLUMN",
        help="The column of time, serial, field, value or unit; or of a field.",
    ),
]
Columns = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="A column of values; without, all are.")
]
Texts = Annotated[
    list[str] | None, typer.Option(metavar="FIELD", help="A field of texts, not of numbers.")
]
Enrol = Annotated[bool, typer.Option("--enrol", help="Make devices that there are not yet.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, and store nothing.")]
Rejected = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write refused rows there, to be mended and imported."),
]


def import_readings(
    file: File,
    *,
    serial: Serial = None,
    mapping: Map = None,
    column: Columns = None,
    text: Texts = None,
    timezone: Zone = "UTC",
    time_format: TimeFormat = None,
    missing: Missing = None,
    delimiter: Delimiter = ",",
    decimal: Decimal = ".",
    encoding: Encoding = "utf-8",
    enrol: Enrol = False,
    dry_run: DryRun = False,
    rejected: Rejected = None,
    output: Output = Format.TABLE,
) -> None:
    """Store the readings of a CSV or Parquet file, and account for each row.

    A file has a row for each reading, in columns time, serial, field, value and perhaps unit; or a
    row for each time, with a column for each field, and --serial or a column serial. Times are ISO
    8601 or numbers since 1970; those that name no zone are in --timezone. A header `power (kW)`
    is field power in kW.

    A row that is wrong is refused, the others are stored: the exit code is 1 then. A file may be
    imported again: a reading of the same field and time is stored once, and the first stays.

    Examples:
        iotctl readings import meters.csv --dry-run
        iotctl readings import meters.csv --rejected refused.csv
        iotctl readings import house.csv --serial house-12 --timezone Europe/Berlin
        iotctl readings import log.parquet --serial pump-7 --map time=ts --map pressure=p1
    """
    options = ImportOptions(
        serial=None if serial is None else check_serial(serial),
        columns=_mapping(mapping or ()),
        only=tuple(column or ()),
        texts=frozenset(text or ()),
        zone=zone(timezone),
        time_format=time_format,
        missing=MISSING | {value.lower() for value in missing or ()},
        decimal_mark=one_character("--decimal", decimal),
    )
    separator = one_character("--delimiter", delimiter)
    source = ImportFile(_open_lines(file, separator, encoding), options)
    started_s = time.monotonic()
    refusals = rejected_file(rejected, file, source.header, delimiter=separator, encoding=encoding)
    with (
        refusals as refuse,
        open_gateway() as gateway,
        share_bar(printable(file.name)) as show,
    ):
        task = ImportTask(source, dry_run, enrol, refuse)
        size_bytes = max(source.lines.size_bytes, 1)
        account = import_file(gateway, task, lambda _: show(source.lines.read_bytes / size_bytes))
    _print_account(account, task, time.monotonic() - started_s, output)
    if account.refused_row_count:
        _advise(rejected)
        raise typer.Exit(_EXIT_REFUSED)


def _advise(rejected: Path | None) -> None:
    if rejected is None:
        print_note("--rejected FILE keeps refused rows, to be mended and imported")
    else:
        print_note(f"refused rows are in {rejected}: mend them, and import it")


def _open_lines(path: Path, delimiter: str, encoding: str) -> Lines:
    suffix = path.suffix.lower()
    if suffix in _CSV_SUFFIXES:
        return CsvLines(path, delimiter, encoding)
    if suffix in _PARQUET_SUFFIXES:
        from producers.parquet_lines import ParquetLines

        return ParquetLines(path)
    known = ", ".join(_CSV_SUFFIXES + _PARQUET_SUFFIXES)
    raise ConfigError(f"{path}: a file's name ends with one of {known}")


def _mapping(texts: Sequence[str]) -> Mapping[str, str]:
    mapping: dict[str, str] = {}
    for text in texts:
        name, separator, column = text.partition("=")
        if not (name and separator and column):
            raise ConfigError(f"--map {text}: NAME=COLUMN")
        if name in mapping:
            raise ConfigError(f"--map {text}: {name} is {mapping[name]!r} already")
        mapping[name] = column
    return mapping


def _print_account(
    account: ImportAccount, task: ImportTask, duration_s: float, output: Format
) -> None:
    if output.is_for_programs:
        print_data(
            {
                "is_dry_run": task.is_dry_run,
                "row_count": account.row_count,
                "accepted_count": account.accepted_count,
                "missing_count": account.missing_count,
                "refused_row_count": account.refused_row_count,
                "duration_s": round(duration_s, 3),
                "refusals": account.quoted,
            },
            output,
        )
        return
    for refusal in account.quoted:
        print_note(printable(refusal))
    if account.refused_row_count > len(account.quoted):
        print_note("...")
    print_fields(
        {
            "rows read": account.row_count,
            "readings that would be taken"
            if task.is_dry_run
            else "readings taken": account.accepted_count,
            "cells without a value": account.missing_count,
            "rows refused": account.refused_row_count,
            "seconds": round(duration_s, 1),
        }
    )
