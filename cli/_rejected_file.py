"""Writes the rows that were refused, with the reasons, so that they can be mended and imported."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

from producers.import_file import ImportRow
from producers.import_layout import REJECTED_COLUMNS
from weir.errors import ConfigError


@contextmanager
def rejected_file(
    path: Path | None, source: Path, header: Sequence[str], *, delimiter: str, encoding: str
) -> Iterator[Callable[[ImportRow], None]]:
    """Give what takes refused rows; the file is made for the first one. None: they are not kept.

    Raises:
        ConfigError: it is the file that is imported, or it cannot be written.
    """
    if path is not None and path.resolve() == source.resolve():
        raise ConfigError(f"--rejected {path}: that is the file that is to be imported")
    # Of a file that was refused before, only the columns of its own.
    kept = [index for index, name in enumerate(header) if name not in REJECTED_COLUMNS]
    with ExitStack() as opened:
        write: Callable[[Sequence[Any]], object] | None = None

        def refuse(row: ImportRow) -> None:
            nonlocal write
            if path is None:
                return
            if write is None:
                file = opened.enter_context(_open(path, encoding))
                write = csv.writer(file, delimiter=delimiter, lineterminator="\n").writerow
                write([*REJECTED_COLUMNS, *(header[index] for index in kept)])
            columns = "; ".join(refusal.column for refusal in row.refusals)
            reasons = "; ".join(refusal.reason for refusal in row.refusals)
            # A line that has too many cells keeps all of them.
            surplus = row.cells[len(header) :]
            cells = [row.cells[index] for index in kept if index < len(row.cells)]
            write([row.number, columns, reasons, *cells, *surplus])

        yield refuse


def _open(path: Path, encoding: str) -> TextIO:
    try:
        # As the file is that is imported; what it cannot hold is only in the reasons.
        return path.open("w", newline="", encoding=encoding, errors="backslashreplace")
    except OSError as error:
        raise ConfigError(f"--rejected {path}: {error.strerror}") from error
