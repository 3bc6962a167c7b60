"""Build what `COPY ... WITH (FORMAT binary)` reads, in one piece, from numpy columns.

Source: PostgreSQL 18 documentation, COPY, "Binary Format": signature, flags, header extension; per
tuple a 16-bit field count and per field a 32-bit length and the value in network byte order;
timestamps are microseconds since 2000-01-01.
"""

import numpy as np
from numpy.typing import NDArray

from weir.model.limits import OBSERVED_AT_US_MIN

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_FIELD_COUNT = 3

_ROW = np.dtype(
    [
        ("field_count", ">i2"),
        ("series_length", ">i4"),
        ("series_id", ">i4"),
        ("time_length", ">i4"),
        ("observed_at", ">i8"),
        ("value_length", ">i4"),
        ("value", ">f8"),
    ]
)
#: The earliest instant that we accept is PostgreSQL's epoch, so stored times are never negative.
_POSTGRES_EPOCH_US = OBSERVED_AT_US_MIN


def readings_buffer(
    series_ids: NDArray[np.int32], observed_at_us: NDArray[np.int64], values: NDArray[np.float64]
) -> bytes:
    """Encode rows (series_id integer, observed_at timestamptz, value double precision)."""
    rows = np.empty(len(series_ids), dtype=_ROW)
    rows["field_count"] = _FIELD_COUNT
    rows["series_length"] = 4
    rows["series_id"] = series_ids
    rows["time_length"] = 8
    rows["observed_at"] = observed_at_us - _POSTGRES_EPOCH_US
    rows["value_length"] = 8
    rows["value"] = values
    return b"".join((_HEADER, rows.tobytes(), _TRAILER))
