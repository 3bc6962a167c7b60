"""One JSON object a line. Source: https://github.com/ndjson/ndjson-spec, version 1.0.0."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from gateway.tables import with_text_instants

MEDIA_TYPE = "application/x-ndjson"


def open_writer(_: pa.Schema) -> "NdjsonWriter":
    """Begin a file; each line says its columns itself."""
    return NdjsonWriter()


class NdjsonWriter:
    """Writes lines by joining columns of texts: no Python object for any row."""

    def write(self, piece: pa.RecordBatch) -> bytes:
        """Give a line for each row."""
        if not piece.num_rows:
            return b""
        rows = with_text_instants(piece)
        parts: list[Any] = [""]
        for at, name in enumerate(rows.schema.names):
            parts[-1] += f"{',' if at else '{'}{json.dumps(name)}:"
            column = _as_json(rows.column(name))
            if isinstance(column, str):
                parts[-1] += column
            else:
                parts += [column, ""]
        parts[-1] += "}\n"
        lines = pc.binary_join_element_wise(*parts, "")
        _, offsets, text = lines.buffers()
        assert offsets is not None  # noqa: S101 - there are rows
        return bytes(text) if text else b""

    def close(self) -> bytes:
        """Give nothing: lines need no end."""
        return b""


def _as_json(column: pa.Array) -> pa.Array | str:
    """Write values as JSON; a text for all rows alike is given once."""
    if pa.types.is_dictionary(column.type):
        texts = [json.dumps(each) for each in column.dictionary.to_pylist()]
        if len(texts) == 1 and not column.null_count:
            return texts[0]
        return pc.fill_null(pa.array(texts, pa.string()).take(column.indices), "null")
    if pa.types.is_string(column.type):
        return pa.array([json.dumps(each) for each in column.to_pylist()], pa.string())
    if pa.types.is_floating(column.type):
        # JSON has no words for what is not finite.
        column = pc.if_else(pc.is_finite(column), column, None)
    return pc.fill_null(pc.cast(column, pa.string()), "null")
