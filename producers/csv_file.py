"""Read a CSV file with a column of times as rows of values, and say what is wrong with which line.

Format: RFC 4180 with a header line; delimiter, decimal mark and encoding are settings.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path

from producers.csv_cells import NUMBER, field_and_unit, parse_number, parse_time
from producers.csv_lines import MISSING, CsvLines, Problem
from weir.codec.encode import Value
from weir.errors import ConfigError
from weir.model.announcement import FieldDescription
from weir.model.limits import DESCRIPTION_LENGTH_MAX, TEXT_LENGTH_MAX

#: Sensors repeat themselves: most cells have been read before.
_CACHED_CELLS = 65_536


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """How to read a file.

    Attributes:
        time_column: header of the times: ISO 8601, or a number since 1970-01-01 UTC.
        time_format: as `datetime.strptime` takes it, for other times.
        zone: of times that name none.
        columns: headers of the values; empty: all but the times.
        text_columns: headers among them whose values are texts.
        missing: what stands for no value, lower case; numbers in any spelling (`-9900`, `-9900.0`).
    """

    time_column: str
    time_format: str | None = None
    zone: tzinfo = UTC
    columns: tuple[str, ...] = ()
    text_columns: tuple[str, ...] = ()
    missing: frozenset[str] = MISSING
    delimiter: str = ","
    decimal_mark: str = "."
    encoding: str = "utf-8"


@dataclass(slots=True)
class Row:
    """One usable line; `values` follow the file's fields, `None` where there is none.

    `observed_at_us`: microseconds since 1970-01-01 UTC.
    """

    line: int
    observed_at_us: int
    values: list[Value | None]
    problems: list[Problem] = field(default_factory=list)


class CsvFile:
    """A file whose header fits the layout.

    Attributes:
        fields: what the value columns measure, with units where headers have them.

    Raises:
        ConfigError: no such file or column, or two columns of one name.
    """

    def __init__(self, path: Path, layout: CsvLayout) -> None:
        self._lines = CsvLines(path, layout.delimiter, layout.encoding)
        self._layout = layout
        header = self._lines.header
        names = list(dict.fromkeys((*layout.columns, *layout.text_columns)))
        if not layout.columns:
            names = [name for name in header if name != layout.time_column]
        self._check_names(header, names)
        self._time_index = header.index(layout.time_column)
        self._columns = [(header.index(name), name in layout.text_columns) for name in names]
        self._missing_numbers = {float(text) for text in layout.missing if NUMBER.fullmatch(text)}
        self._number = lru_cache(_CACHED_CELLS)(self._parse_number)
        self.fields = self._describe(names)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._lines.path

    @property
    def size_bytes(self) -> int:
        """The size of the whole file."""
        return self._lines.size_bytes

    @property
    def read_bytes(self) -> int:
        """How far the latest call of `rows` has come."""
        return self._lines.read_bytes

    def rows(self) -> Iterator[Row | Problem]:
        """Read from the beginning; a line that is no row at all comes as a problem.

        Raises:
            ConfigError: the file has another encoding.
        """
        for line in self._lines.lines():
            yield line if isinstance(line, Problem) else self._row(line.number, line.cells)

    def _row(self, line: int, cells: Sequence[str]) -> Row | Problem:
        layout = self._layout
        time_text = cells[self._time_index].strip()
        try:
            observed_at_us = parse_time(time_text, layout.time_format, layout.zone)
        except ValueError:
            return Problem(line, "not a time", repr(time_text[:80]))
        row = Row(line, observed_at_us, [])
        for index, is_text in self._columns:
            row.values.append(self._value(row, cells[index], is_text=is_text))
        return row

    def _value(self, row: Row, cell: str, *, is_text: bool) -> Value | None:
        if not is_text:
            try:
                return self._number(cell)
            except ValueError as error:
                row.problems.append(Problem(row.line, "not a number", str(error)))
                return None
        text = cell.strip()
        if text.lower() in self._layout.missing:
            return None
        if len(text) > TEXT_LENGTH_MAX or "\0" in text:
            row.problems.append(Problem(row.line, "not a text", f"{len(text)} characters or a NUL"))
            return None
        return text

    def _parse_number(self, cell: str) -> int | float | None:
        text = cell.strip()
        if text.lower() in self._layout.missing:
            return None
        number = parse_number(text.replace(self._layout.decimal_mark, "."))
        return None if number in self._missing_numbers else number

    def _check_names(self, header: Sequence[str], names: Sequence[str]) -> None:
        layout = self._layout
        wanted = dict.fromkeys([layout.time_column, *names, *layout.text_columns])
        known = ", ".join(map(repr, header))
        problems = [f"no column {name!r} among {known}" for name in wanted if name not in header]
        problems += [
            f"two columns are called {name!r}" for name in wanted if header.count(name) > 1
        ]
        if not names:
            problems.append("there is no column besides the times")
        if problems:
            raise ConfigError(*(f"{self.path}: {problem}" for problem in problems))

    def _describe(self, names: Sequence[str]) -> tuple[FieldDescription, ...]:
        headers: dict[str, str] = {}
        fields = []
        for header in names:
            try:
                name, unit = field_and_unit(header)
            except ValueError as error:
                raise ConfigError(f"{self.path}: {error}") from error
            if name in headers:
                raise ConfigError(
                    f"{self.path}: columns {headers[name]!r} and {header!r} are both field {name!r}"
                )
            headers[name] = header
            fields.append(FieldDescription(name, unit, header[:DESCRIPTION_LENGTH_MAX]))
        return tuple(fields)
