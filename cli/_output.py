"""How commands print: tables for people, JSON for programs, colours only on a terminal."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import typer

#: What an empty cell shows.
BLANK = "-"
#: A pipe has no width: nothing that a table shows is ever cut or wrapped there.
_PIPE_WIDTH = 10_000

Row = Mapping[str, Any]


class Format(StrEnum):
    """How a command prints what it found."""

    TABLE = "table"
    JSON = "json"


#: The type of the `-o` option of every command that prints a table; default `Format.TABLE`.
Output = Annotated[Format, typer.Option("--output", "-o", help="How to print.")]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: the key of a row, and how it looks."""

    key: str
    title: str
    align: Literal["left", "right"] = "left"
    style: str = ""


def print_rows(rows: Sequence[Row], columns: Sequence[Column], output: Format) -> None:
    """Print rows as a table of `columns`, or whole as a JSON array."""
    if output is Format.JSON:
        print_json(rows)
    else:
        print_table(rows, columns)


def print_json(value: object) -> None:
    """Print a value as indented JSON, characters as they are."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Row], columns: Sequence[Column]) -> None:
    """Print rows as aligned columns under their titles; a terminal's width is respected."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column.title, justify=column.align, style=column.style, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(row.get(column.key))) for column in columns))
    is_terminal = sys.stdout.isatty()
    Console(width=None if is_terminal else _PIPE_WIDTH).print(table)


def print_fields(fields: Mapping[str, Any]) -> None:
    """Print one thing's properties, a line for each."""
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        typer.echo(f"{name + ':':<{width + 1}}  {cell(value)}")


def print_note(text: str) -> None:
    """Say something to the person on stderr, so that what is piped stays data."""
    typer.echo(text, err=True)


def cell(value: object) -> str:
    """Show a value in a table; what could steer a terminal is escaped."""
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


def printable(text: str) -> str:
    """Escape control characters: devices write text that people see on their terminals."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
