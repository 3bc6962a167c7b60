"""How commands print: tables for people, JSON for programs, colours only on a terminal."""

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer

#: What an empty cell shows.
BLANK = "-"

_AGE_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))

Row = Mapping[str, Any]


class Format(StrEnum):
    """How a command prints what it found: a table for people, the rest for programs.

    `NAME` gives only what other commands call each thing by, a line for each.
    """

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"
    NAME = "name"

    @property
    def is_for_programs(self) -> bool:
        """Whether all that is known is printed, as it is."""
        return self is not Format.TABLE


#: The type of the `-o` option of every command that prints a table; default `Format.TABLE`.
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the key of a row, and how it looks.

    `show` turns a value into a text, else `cell` does; `styles` colours some of the texts.
    """

    key: str
    title: str
    align: Literal["left", "right"] = "left"
    show: Callable[[Any], str] | None = None
    styles: Mapping[str, str] = field(default_factory=dict)


def print_rows(rows: Sequence[Row], columns: Sequence[Column], output: Format) -> None:
    """Print rows as a table of `columns`, or whole; the first column is their name."""
    if output is Format.NAME:
        for row in rows:
            typer.echo(row[columns[0].key])
    elif output.is_for_programs:
        print_data(rows, output)
    else:
        print_table(rows, columns)


def print_data(value: Row | Sequence[Row], output: Format) -> None:
    """Print one thing, or a list of things, for programs; the first member of each is its name."""
    rows = [value] if isinstance(value, Mapping) else value
    match output:
        case Format.YAML:
            _print_yaml(value)
        case Format.CSV:
            _print_csv(rows)
        case Format.NAME:
            for row in rows:
                typer.echo(next(iter(row.values())))
        case _:
            print_json(value)


def print_json(value: object) -> None:
    """Print a value as indented JSON, characters as they are."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    """Print rows as aligned columns under their titles; in a pipe nothing is cut or wrapped."""
    lines = [[(column.show or cell)(row.get(column.key)) for column in columns] for row in rows]
    if sys.stdout.isatty():
        _print_on_terminal(lines, columns)
    else:
        _print_into_pipe(lines, columns)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print one thing's properties, a line for each."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        typer.echo(f"{name + ':':<{width + 1}}  {cell(value)}")


def print_note(text: str) -> None:
    """Say something to the person on stderr, so that what is piped stays data."""
    typer.echo(text, err=True)


def cell(value: object) -> str:
    """Show a value in a table, numbers with 12 digits; what could steer a terminal is escaped."""
    match value:
        case None | "":
            return BLANK
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.12g}"
        case str():
            return printable(value)
        case _:
            return printable(str(value))


def show_age(now: datetime) -> Callable[[str | None], str]:
    """Show an instant of an answer by how long ago it was."""

    def show(instant: str | None) -> str:
        if instant is None:
            return BLANK
        return f"{format_age(now - datetime.fromisoformat(instant))} ago"

    return show


def format_age(age: timedelta) -> str:
    """Write a duration in its largest unit; clocks that differ do not make it negative.

    >>> format_age(timedelta(minutes=7, seconds=12))
    '7m'
    """
    seconds = max(int(age.total_seconds()), 0)
    for unit_s, unit in _AGE_UNITS:
        if seconds >= unit_s:
            return f"{seconds // unit_s}{unit}"
    return "0s"


def printable(text: str) -> str:
    """Escape control characters: devices write text that people see on their terminals."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _print_on_terminal(lines: Sequence[Sequence[str]], columns: Sequence[Column]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.title, justify=column.align, overflow="fold")
    for line in lines:
        table.add_row(
            *(
                Text(text, column.styles.get(text, ""))
                for column, text in zip(columns, line, strict=True)
            )
        )
    Console().print(table)


def _print_into_pipe(lines: Sequence[Sequence[str]], columns: Sequence[Column]) -> None:
    all_lines = [[column.title for column in columns], *lines]
    widths = [max(map(len, texts)) for texts in zip(*all_lines, strict=True)]
    for line in all_lines:
        texts = (
            text.rjust(width) if column.align == "right" else text.ljust(width)
            for column, width, text in zip(columns, widths, line, strict=True)
        )
        typer.echo("  ".join(texts).rstrip())


def _print_yaml(value: object) -> None:
    # Few want it, and it takes its time to import. Through JSON, because it knows only plain types.
    import yaml

    plain = json.loads(json.dumps(value))
    typer.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)


def _print_csv(rows: Sequence[Row]) -> None:
    # A row may lack what another one has.
    keys = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if keys:
        writer.writerow(keys)
    for row in rows:
        writer.writerow([_csv_cell(row.get(key)) for key in keys])


def _csv_cell(value: object) -> object:
    nested = isinstance(value, Mapping | list | tuple | bool)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if nested else value
