"""Prints rows as a table, as JSON (whole, or a line each), as YAML or as CSV."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

from cli._client import Answer
from cli._output import Column, Format, print_data, print_json, print_table
from cli._windows import RowFormat


def write_rows(rows: Iterable[Answer], columns: Sequence[Column], output: RowFormat) -> None:
    """Print rows; CSV has the columns of the table, what is no plain value in it as JSON."""
    match output:
        case RowFormat.TABLE:
            print_table(list(rows), columns)
        case RowFormat.JSON:
            print_json(list(rows))
        case RowFormat.NDJSON:
            for row in rows:
                typer.echo(json.dumps(row, ensure_ascii=False))
        case RowFormat.YAML:
            for row in rows:
                print_data([row], Format.YAML)
        case RowFormat.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow([column.key for column in columns])
            for row in rows:
                writer.writerow([_plain(row.get(column.key)) for column in columns])


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
