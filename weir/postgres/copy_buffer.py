"""Build what `COPY ... WITH (FORMAT binary)` reads, in one piece, from numpy columns.

Source: PostgreSQL 18 documentation, COPY, "Binary Format": signature, flags, header extension; per
tuple a 16-bit field count and per field a 32-bit length and the value in network byte order;
timestamps are microseconds since 2000-01-01.
"""

import numpy as np

from weir.model.limits import OBSERVED_AT_US_MIN
from weir.postgres.rows import Rows

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"

_FIELDS = [
    ("field_count", ">i2"),
    ("series_length", ">i4"),
    ("series_id", ">i4"),
    ("time_length", ">i4"),
    ("observed_at", ">i8"),
    ("value_length", ">i4"),
    ("value", ">f8"),
]
_ROW = np.dtype(_FIELDS)
_ROW_WITH_QUALITY = np.dtype([*_FIELDS, ("quality_length", ">i4"), ("quality", ">i2")])
#: The earliest instant that we accept is PostgreSQL's epoch, so stored times are never negative.
_POSTGRES_EPOCH_US = OBSERVED_AT_US_MIN


def readings_buffer(rows: Rows) -> bytes:
    """Encode (series_id integer, observed_at timestamptz, value double precision).

    With `qualities` each row has a fourth field, quality smallint.
    """
    encoded = np.empty(len(rows), dtype=_ROW if rows.qualities is None else _ROW_WITH_QUALITY)
    encoded["field_count"] = 3 if rows.qualities is None else 4
    encoded["series_length"] = 4
    encoded["series_id"] = rows.series_ids
    encoded["time_length"] = 8
    encoded["observed_at"] = rows.observed_at_us - _POSTGRES_EPOCH_US
    encoded["value_length"] = 8
    encoded["value"] = rows.values
    if rows.qualities is not None:
        encoded["quality_length"] = 2
        encoded["quality"] = rows.qualities
    return b"".join((_HEADER, encoded.tobytes(), _TRAILER))
