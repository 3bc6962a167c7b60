"""Arrow's streaming format. Source: https://arrow.apache.org/docs/format/Columnar.html (IPC)."""

import pyarrow as pa

from gateway.formats import Sink
from gateway.tables import in_one_shape, one_shape

MEDIA_TYPE = "application/vnd.apache.arrow.stream"


def open_writer(schema: pa.Schema) -> "ArrowWriter":
    """Begin a stream with these columns."""
    return ArrowWriter(one_shape(schema))


class ArrowWriter:
    """Writes a record batch for each piece."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._sink = Sink()
        self._stream = pa.ipc.new_stream(self._sink, schema)

    def write(self, piece: pa.RecordBatch) -> bytes:
        """Give a record batch, behind the schema when it is the first."""
        self._stream.write_batch(in_one_shape(piece, self._schema))
        return self._sink.take()

    def close(self) -> bytes:
        """Give the end of the stream."""
        self._stream.close()
        return self._sink.take()
