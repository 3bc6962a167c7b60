"""Readings and buckets as Arrow tables: what every format of a download is written from.

A piece holds numbers or texts in `value`, never both. Formats of lines write it as it is; those
with one schema for all pieces have a column `text` beside it.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from weir.model.quality import Quality
from weir.model.query import Function
from weir.postgres.queries.raw_downloads import Piece
from weir.postgres.queries.series import Series
from weir.timeseries.composing import Buckets, Column

INSTANT = pa.timestamp("us", tz="UTC")
NAME = pa.dictionary(pa.int32(), pa.string())
_VALUE, _TEXT = "value", "text"
#: Of an instant as Arrow writes it: `2026-03-14 15:09:26.000000`.
_DATE_LENGTH = 10

READINGS_SCHEMA = pa.schema(
    [
        ("serial", NAME),
        ("field", NAME),
        ("observed_at", INSTANT),
        (_VALUE, pa.float64()),
        ("unit", NAME),
    ]
)
DOUBTED_READINGS_SCHEMA = READINGS_SCHEMA.append(pa.field("quality", NAME))
_WORDS = pa.array([quality.word for quality in Quality], pa.string())


def readings_table(piece: Piece) -> pa.RecordBatch:
    """Make a table of readings of one series."""
    count, series = len(piece.instants_us), piece.series
    is_text = isinstance(piece.values, list)
    columns = {
        "serial": _same(series.serial, count),
        "field": _same(series.field, count),
        "observed_at": _instants(piece.instants_us),
        _VALUE: pa.array(piece.values, pa.string() if is_text else pa.float64()),
        "unit": _same(series.unit, count),
    }
    if piece.qualities is not None:
        columns["quality"] = _doubts(piece.qualities)
    return pa.record_batch(columns)


def empty_table(schema: pa.Schema) -> pa.RecordBatch:
    """Make a table without rows."""
    return pa.RecordBatch.from_pylist([], schema)


def buckets_table(buckets: Buckets, series: Sequence[Series]) -> pa.RecordBatch:
    """Make a table of buckets of these series; what is missing is null."""
    ids = np.array([each.series_id for each in series])
    order = np.argsort(ids)
    at = pa.array(order[np.searchsorted(ids, buckets.series_ids, sorter=order)], pa.int32())
    serial, field, unit = (
        pa.DictionaryArray.from_arrays(at, pa.array(names, pa.string()))
        for names in zip(*((each.serial, each.field, each.unit) for each in series), strict=True)
    )
    columns = {"serial": serial, "field": field, "bucket": _instants(buckets.starts_us)}
    for function, column in buckets.columns.items():
        columns[function] = _column(function, column)
    return pa.record_batch({**columns, "unit": unit})


def one_shape(schema: pa.Schema) -> pa.Schema:
    """Give the schema of pieces with numbers and pieces with texts alike."""
    at = schema.get_field_index(_VALUE)
    return schema if at < 0 else schema.insert(at + 1, pa.field(_TEXT, pa.string()))


def in_one_shape(piece: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Give a piece the columns of `one_shape`."""
    if _TEXT not in schema.names:
        return piece
    value = piece.column(_VALUE)
    is_text = pa.types.is_string(value.type)
    blank = pa.nulls(len(value), pa.float64() if is_text else pa.string())
    columns = dict(zip(piece.schema.names, piece.columns, strict=True))
    columns |= {_VALUE: blank, _TEXT: value} if is_text else {_TEXT: blank}
    return pa.record_batch([columns[name] for name in schema.names], schema)


def with_text_instants(piece: pa.RecordBatch) -> pa.RecordBatch:
    """Write instants as the JSON answers do: ISO 8601, UTC, microseconds."""
    columns = [
        _iso(column) if pa.types.is_timestamp(column.type) else column for column in piece.columns
    ]
    return pa.record_batch(columns, names=piece.schema.names)


def _column(function: Function, column: Column) -> pa.Array:
    if function is Function.COUNT:
        return pa.array(column, pa.int64())
    if column.dtype == object:
        return pa.array(column, pa.string())
    # What there is nothing of, and sums beyond what a double holds: null, as in JSON.
    return pa.array(column, pa.float64(), mask=~np.isfinite(column))


def _iso(column: pa.Array) -> pa.Array:
    # Without a time zone Arrow writes instants twenty times as fast.
    texts = pc.cast(pc.cast(column, pa.timestamp("us")), pa.string())
    texts = pc.binary_replace_slice(texts, _DATE_LENGTH, _DATE_LENGTH + 1, "T")
    return pc.binary_join_element_wise(texts, "Z", "")


def _doubts(qualities: "np.typing.NDArray[np.int16]") -> pa.DictionaryArray:
    first = int(min(Quality))
    indexes = pa.array(qualities.astype(np.int32) - first, pa.int32(), mask=qualities < first)
    return pa.DictionaryArray.from_arrays(indexes, _WORDS)


def _instants(instants_us: "np.typing.NDArray[np.int64]") -> pa.Array:
    return pa.array(instants_us, pa.int64()).cast(INSTANT)


def _same(text: str, count: int) -> pa.DictionaryArray:
    zeros = pa.array(np.zeros(count, dtype=np.int32))
    return pa.DictionaryArray.from_arrays(zeros, pa.array([text], pa.string()))
