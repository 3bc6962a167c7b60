"""Parquet, compressed with Zstandard. Source: https://parquet.apache.org/docs/file-format/."""

import pyarrow as pa
from pyarrow import parquet

from gateway.formats import Sink
from gateway.tables import in_one_shape, one_shape

MEDIA_TYPE = "application/vnd.apache.parquet"
#: Rows of a row group: what a reader decodes at once, and what is collected here meanwhile.
_GROUP_ROWS = 250_000


def open_writer(schema: pa.Schema) -> "ParquetWriter":
    """Begin a file with these columns."""
    return ParquetWriter(one_shape(schema))


class ParquetWriter:
    """Collects pieces into row groups."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._sink = Sink()
        self._file = parquet.ParquetWriter(self._sink, schema, compression="zstd")
        self._pieces: list[pa.RecordBatch] = []
        self._row_count = 0

    def write(self, piece: pa.RecordBatch) -> bytes:
        """Give row groups as they become full."""
        self._pieces.append(in_one_shape(piece, self._schema))
        self._row_count += piece.num_rows
        if self._row_count >= _GROUP_ROWS:
            self._flush()
        return self._sink.take()

    def close(self) -> bytes:
        """Give the last row group and the footer."""
        self._flush()
        self._file.close()
        return self._sink.take()

    def _flush(self) -> None:
        if self._row_count:
            self._file.write_table(pa.Table.from_batches(self._pieces, self._schema))
        self._pieces, self._row_count = [], 0
