"""Read what `COPY ... TO STDOUT (FORMAT binary)` sends into numpy columns, piece by piece.

Rows must have columns of fixed width only, and no NULL. Source: PostgreSQL 18 documentation, COPY,
"Binary Format"; `weir.postgres.copy_buffer` is the other direction.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weir.model.limits import OBSERVED_AT_US_MIN

#: Signature, flags and the length of a header extension, which no server has.
_HEADER_BYTES = 19
#: A field count of -1.
_TRAILER_BYTES = 2
#: Types of columns, in network byte order.
SMALLINT, INTEGER, BIGINT, DOUBLE, INSTANT = ">i2", ">i4", ">i8", ">f8", ">M8[us]"

Columns = dict[str, NDArray[Any]]


class CopiedRows:
    """Takes the bytes of one COPY in any cuts and gives the rows that are whole.

    `types`: of each column by its name, in order; instants come as microseconds since 1970.
    """

    def __init__(self, types: Mapping[str, str]) -> None:
        self._types = types
        fields: list[tuple[str, str]] = [("#", ">i2")]
        for name, kind in types.items():
            fields += [(f"#{name}", ">i4"), (name, ">i8" if kind == INSTANT else kind)]
        self._row = np.dtype(fields)
        self._rest = b""
        self._header_left = _HEADER_BYTES

    def feed(self, data: bytes) -> Columns:
        """Give the rows that `data` completes."""
        if self._header_left:
            cut = min(self._header_left, len(data))
            self._header_left -= cut
            data = data[cut:]
        data = self._rest + data
        row_count = len(data) // self._row.itemsize
        rows = np.frombuffer(data, dtype=self._row, count=row_count)
        self._rest = data[row_count * self._row.itemsize :]
        return {name: self._native(rows[name], kind) for name, kind in self._types.items()}

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left but the trailer."""
        return len(self._rest) == _TRAILER_BYTES

    def _native(self, column: NDArray[Any], kind: str) -> NDArray[Any]:
        native = column.astype(column.dtype.newbyteorder("="))
        # PostgreSQL counts from 2000 on.
        return native + OBSERVED_AT_US_MIN if kind == INSTANT else native
