"""Turn the lines of a file into readings, and say which cells are none."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite, isnan
from pathlib import Path
from typing import Any, Protocol

from producers.csv_cells import parse_number, parse_time
from producers.csv_lines import Line, Problem
from producers.import_layout import ImportOptions, lay_out
from weir.clock import to_us
from weir.model.limits import FIELD_NAME_PATTERN
from weir.model.serial import is_serial

_FIELD_NAME = re.compile(FIELD_NAME_PATTERN)


class Lines(Protocol):
    """A file as a header and lines of cells."""

    path: Path
    header: list[str]
    read_bytes: int

    @property
    def size_bytes(self) -> int:
        """The size of the whole file."""
        ...

    def lines(self) -> Iterator[Line | Problem]:
        """Read from the beginning."""
        ...


@dataclass(frozen=True, slots=True)
class ImportReading:
    """One reading; `column`: where its value is."""

    column: str
    serial: str
    field: str
    unit: str
    observed_at_us: int
    value: bool | float | str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row, or one cell of it, cannot be used; `column` is empty for a whole row."""

    column: str
    reason: str


@dataclass(slots=True)
class ImportRow:
    """What a line of a file has; `cells` as they are there."""

    number: int
    cells: Sequence[Any]
    readings: list[ImportReading] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    missing_count: int = 0


class _CellError(ValueError):
    """A cell is not what its column wants; the message says why."""


class ImportFile:
    """A file whose columns are understood.

    Raises:
        ConfigError: columns that are not there, or that could be read in two ways.
    """

    def __init__(self, lines: Lines, options: ImportOptions) -> None:
        self.lines = lines
        self._options = options
        self._layout = lay_out(lines.path, lines.header, options)

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return self.lines.header

    def column_of(self, member: str) -> str | None:
        """Name the column of `observed_at`, `serial`, `field`, `value` or `unit`, if one has it.

        In wide form fields, values and units are in as many columns as there are fields.
        """
        layout = self._layout
        is_long = not layout.wide
        at = {
            "observed_at": layout.time,
            "serial": layout.serial,
            "field": layout.field if is_long else None,
            "value": layout.value if is_long else None,
            "unit": layout.unit if is_long else None,
        }.get(member)
        return None if at is None else self.header[at]

    def rows(self) -> Iterator[ImportRow]:
        """Read from the beginning.

        Raises:
            ConfigError: the file has another encoding, or is broken.
        """
        for line in self.lines.lines():
            if isinstance(line, Problem):
                refusal = Refusal("", f"{line.reason}: {line.detail}")
                yield ImportRow(line.line, line.cells, refusals=[refusal])
            else:
                yield self._row(line)

    def _row(self, line: Line) -> ImportRow:
        row = ImportRow(line.number, line.cells)
        layout = self._layout
        at = layout.time
        try:
            observed_at_us = self._instant(line.cells[at])
            serial = self._options.serial
            if layout.serial is not None:
                at = layout.serial
                serial = _serial(line.cells[at])
        except _CellError as error:
            row.refusals.append(Refusal(self.header[at], str(error)))
            return row
        assert serial is not None  # noqa: S101 - the layout has one or the other
        for value_at, name_at, name, unit in self._places(line):
            at = name_at
            try:
                checked = _field(name)
                at = value_at
                value = self._value(line.cells[at], checked)
            except _CellError as error:
                row.refusals.append(Refusal(self.header[at], str(error)))
                continue
            if value is None:
                row.missing_count += 1
                continue
            row.readings.append(
                ImportReading(self.header[at], serial, checked, unit, observed_at_us, value)
            )
        return row

    def _places(self, line: Line) -> Iterator[tuple[int, int, Any, str]]:
        """Give where values are, where their fields' names are, those names, and units."""
        layout = self._layout
        if layout.wide:
            for column in layout.wide:
                yield column.index, column.index, column.field, column.unit
            return
        unit = None if layout.unit is None else line.cells[layout.unit]
        yield layout.value, layout.field, line.cells[layout.field], str(unit or "").strip()

    def _instant(self, cell: Any) -> int:
        options = self._options
        match cell:
            case datetime():
                return to_us(cell if cell.tzinfo else cell.replace(tzinfo=options.zone))
            case date():
                return to_us(datetime.combine(cell, time(), options.zone))
            case None:
                raise _CellError("no time")
        text = str(cell).strip()
        try:
            return parse_time(text, options.time_format, options.zone)
        except (ValueError, OverflowError) as error:
            raise _CellError(f"{text[:80]!r} is not a time") from error

    def _value(self, cell: Any, name: str) -> bool | float | str | None:
        match cell:
            case None:
                return None
            case bool():
                return cell
            case int() | float() | Decimal():
                return _number(cell)
            case str():
                return self._value_of_text(cell, name)
        raise _CellError(f"{str(cell)[:80]!r} is not a number")

    def _value_of_text(self, cell: str, name: str) -> float | str | None:
        text = cell.strip()
        if text.lower() in self._options.missing:
            return None
        if name in self._options.texts:
            return text
        try:
            return parse_number(text.replace(self._options.decimal_mark, "."))
        except ValueError as error:
            raise _CellError(f"{error}; if {name} has texts: --text {name}") from error


def _number(number: float | Decimal) -> int | float | None:
    if isinstance(number, int):
        return number
    value = float(number)
    if isnan(value):
        return None
    if not isfinite(value):
        raise _CellError(f"{value} is not a finite number")
    return value


def _serial(cell: Any) -> str:
    text = "" if cell is None else str(cell).strip()
    if not is_serial(text):
        raise _CellError(f"{text[:80]!r} is no serial")
    return text


def _field(cell: Any) -> str:
    text = "" if cell is None else str(cell).strip()
    if _FIELD_NAME.fullmatch(text) is None:
        raise _CellError(f"{text[:80]!r} is no name of a field")
    return text
