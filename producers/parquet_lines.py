"""Read a Parquet file as a header and lines of cells, as `producers.csv_lines` reads CSV.

Cells keep their types: instants, numbers, texts, booleans, None.
"""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.parquet as pq

from producers.csv_lines import Line
from weir.errors import ConfigError

Cell: TypeAlias = datetime | date | bool | int | float | Decimal | str | None

#: Lines in memory at once.
_BATCH_LINES = 10_000


class ParquetLines:
    """A Parquet file of plain columns.

    Attributes:
        header: the names of the columns.
        read_bytes: how far the latest call of `lines` has come, by its share of the lines.

    Raises:
        ConfigError: no such file, not Parquet, or nested columns.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read_bytes = 0
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise ConfigError(f"{path}: not a Parquet file that can be read: {error}") from error
        schema = self._file.schema_arrow
        nested = [f"{field.name!r} ({field.type})" for field in schema if _is_nested(field.type)]
        if nested:
            raise ConfigError(
                f"{path}: nested columns cannot be imported: {', '.join(nested)}; "
                "flatten them, or leave them out"
            )
        self.header: list[str] = list(schema.names)

    @property
    def size_bytes(self) -> int:
        """The size of the whole file."""
        return self.path.stat().st_size

    def lines(self) -> Iterator[Line]:
        """Read from the beginning; lines are counted as in a CSV file with a header.

        Raises:
            ConfigError: the file is broken.
        """
        number = 1
        line_count = max(self._file.metadata.num_rows, 1)
        try:
            for batch in self._file.iter_batches(_BATCH_LINES):
                columns = [_cells(column) for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    number += 1
                    yield Line(number, cells)
                self.read_bytes = self.size_bytes * (number - 1) // line_count
        except (OSError, pa.ArrowException) as error:
            raise ConfigError(f"{self.path}: broken after line {number}: {error}") from error


def _is_nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind))


def _cells(column: pa.Array) -> list[Cell]:
    if pa.types.is_timestamp(column.type):
        # Python's instants have microseconds, as ours do; what is finer is cut off.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    cells: list[Cell] = column.to_pylist()
    return cells
