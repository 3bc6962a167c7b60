"""What downloads are written as: one file for each format, found by looking.

A format is a module with `MEDIA_TYPE` and `open_writer`; the file's name is the format's.
"""

import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import pyarrow as pa

from weir import registry


class Writer(Protocol):
    """Turns tables into bytes, piece by piece."""

    def write(self, piece: pa.RecordBatch) -> bytes:
        """Give what is ready after another piece; may be nothing yet."""
        ...

    def close(self) -> bytes:
        """Give what is left, and what a whole file ends with."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A format by name; `open_writer`: takes the schema that all pieces have."""

    name: str
    media_type: str
    open_writer: Callable[[pa.Schema], Writer]


@cache
def formats() -> dict[str, Format]:
    """Give all formats by name."""
    found = {}
    for name in sorted(registry.names(__name__)):
        module = importlib.import_module(f"{__name__}.{name}")
        found[name] = Format(name, module.MEDIA_TYPE, module.open_writer)
    return found


class Sink(io.RawIOBase):
    """A file to write into, whose bytes are taken out as they come."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def tell(self) -> int:
        """Give how much was ever written."""
        return self._position

    def write(self, data: "pa.Buffer | bytes") -> int:
        """Keep some bytes until they are taken."""
        piece = bytes(data)
        self._pieces.append(piece)
        self._position += len(piece)
        return len(piece)

    def take(self) -> bytes:
        """Give what was written since the last time."""
        pieces = b"".join(self._pieces)
        self._pieces.clear()
        return pieces
