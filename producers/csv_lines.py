"""Read a CSV file as a header and lines of cells, and say which lines are none.

Format: RFC 4180 with a header line; delimiter and encoding are settings.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from weir.errors import ConfigError

#: What most programs write where there is no value; compared without regard to case.
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row, or one value of it, cannot be used; `reason` is one of a few.

    `cells`: of a line that has another number of them than the header.
    """

    line: int
    reason: str
    detail: str
    cells: Sequence[str] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of a line, as many as the header has; `number` counts from 1, the header.

    Cells are texts in CSV, and have types elsewhere.
    """

    number: int
    cells: Sequence[Any]


class CsvLines:
    """A CSV file with a header.

    Attributes:
        header: the names of the columns.
        read_bytes: how far the latest call of `lines` has come.

    Raises:
        ConfigError: no such file, an empty one, or one of another encoding.
    """

    def __init__(self, path: Path, delimiter: str = ",", encoding: str = "utf-8") -> None:
        self.path = path
        self.read_bytes = 0
        self._delimiter = delimiter
        self._encoding = encoding
        self.header = self._read_header()

    @property
    def size_bytes(self) -> int:
        """The size of the whole file."""
        return self.path.stat().st_size

    def lines(self) -> Iterator[Line | Problem]:
        """Read from the beginning; empty lines are passed over.

        Raises:
            ConfigError: the file has another encoding.
        """
        with self.path.open("rb") as file:
            reader = csv.reader(self._decoded(file), delimiter=self._delimiter, strict=True)
            next(reader)
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Problem(reader.line_num, "not CSV", str(error))
                    continue
                if len(cells) == len(self.header):
                    yield Line(reader.line_num, cells)
                elif cells:
                    detail = f"{len(cells)}, the header has {len(self.header)}"
                    yield Problem(reader.line_num, "number of cells", detail, cells)

    def _read_header(self) -> list[str]:
        try:
            with self.path.open("rb") as file:
                return next(csv.reader(self._decoded(file), delimiter=self._delimiter))
        except StopIteration:
            raise ConfigError(f"{self.path} is empty: there is no header") from None
        except (OSError, csv.Error) as error:
            raise ConfigError(f"{self.path}: {error}") from error

    def _decoded(self, file: BinaryIO) -> Iterator[str]:
        self.read_bytes = 0
        encoding = self._encoding
        try:
            for number, line in enumerate(file):
                self.read_bytes += len(line)
                text = line.decode(encoding)
                # A byte order mark belongs to no header.
                yield text.removeprefix("\ufeff") if number == 0 else text
        except (UnicodeDecodeError, LookupError) as error:
            raise ConfigError(f"{self.path}: not in encoding {encoding!r}: {error}") from error
