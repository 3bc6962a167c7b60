"""CSV with a header, instants as ISO 8601. Source: RFC 4180, RFC 7111."""

import pyarrow as pa
from pyarrow import csv

from gateway.formats import Sink
from gateway.tables import with_text_instants

MEDIA_TYPE = "text/csv"


def open_writer(schema: pa.Schema) -> "CsvWriter":
    """Begin a file with these columns."""
    return CsvWriter(schema)


class CsvWriter:
    """Writes lines; numbers in the shortest form that reads back the same."""

    def __init__(self, schema: pa.Schema) -> None:
        self._header = ",".join(schema.names).encode() + b"\n"

    def write(self, piece: pa.RecordBatch) -> bytes:
        """Give a line for each row."""
        sink = Sink()
        csv.write_csv(with_text_instants(piece), sink, csv.WriteOptions(include_header=False))
        return self._begin() + sink.take()

    def close(self) -> bytes:
        """Give the header where no row came."""
        return self._begin()

    def _begin(self) -> bytes:
        header, self._header = self._header, b""
        return header
