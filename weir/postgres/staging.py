"""Write readings of which some may be stored already.

The rows go into a temporary table by COPY, and from there into place with ON CONFLICT. Slower than
COPY alone by more than half, and exact about what was there before.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from weir.postgres.copy_buffer import readings_buffer
from weir.postgres.pool import Connection
from weir.postgres.rows import Rows

#: PostgreSQL takes a message only when all of it has arrived: slices let it work meanwhile.
SLICE_BYTES = 256 * 1024
_VALUE_COLUMNS = ("series_id", "observed_at", "value")
#: (series_id, observed_at, text, quality); no quality where nothing is known against it.
TextRow: TypeAlias = tuple[int, datetime, str, int | None]

_STAGE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS staged_reading (
        series_id integer, observed_at timestamptz, value double precision, quality smallint
    ) ON COMMIT DELETE ROWS
    """
_INSERT = """
    INSERT INTO reading SELECT * FROM staged_reading
    ON CONFLICT (series_id, observed_at) DO NOTHING
    """
#: Run after the insert: what it stored equals its staged row, so only older values differ.
_COUNT_CONFLICTS = """
    SELECT count(*) FROM staged_reading AS s
    JOIN reading AS r ON r.series_id = s.series_id AND r.observed_at = s.observed_at
    WHERE r.value <> s.value
    """
_OVERWRITE = """
    INSERT INTO reading SELECT * FROM staged_reading
    ON CONFLICT (series_id, observed_at) DO UPDATE
    SET value = excluded.value, quality = excluded.quality
    WHERE (reading.value, reading.quality) IS DISTINCT FROM (excluded.value, excluded.quality)
    """
_INSERT_TEXTS = """
    INSERT INTO text_reading
    SELECT * FROM unnest($1::integer[], $2::timestamptz[], $3::text[], $4::smallint[])
    ON CONFLICT (series_id, observed_at) DO {action}
    """
_INSERT_TEXTS_ONCE = _INSERT_TEXTS.format(action="NOTHING")
_OVERWRITE_TEXTS = _INSERT_TEXTS.format(
    action="""UPDATE SET value = excluded.value, quality = excluded.quality
    WHERE (text_reading.value, text_reading.quality)
        IS DISTINCT FROM (excluded.value, excluded.quality)"""
)
_COUNT_TEXT_CONFLICTS = """
    SELECT count(*)
    FROM unnest($1::integer[], $2::timestamptz[], $3::text[]) AS s (series_id, observed_at, value)
    JOIN text_reading AS r ON r.series_id = s.series_id AND r.observed_at = s.observed_at
    WHERE r.value <> s.value
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows were written, and how many met another value that stayed."""

    stored_count: int
    conflicting_count: int


async def copy_numbers(connection: Connection, table: str, rows: Rows) -> None:
    """COPY rows into a table of the shape of `reading`.

    Raises:
        asyncpg.UniqueViolationError: one of them is there already.
    """
    if rows.qualities is None:
        await _copy(connection, table, rows, _VALUE_COLUMNS)
        return
    # Those that nothing is known against go in as ever: a binary row has no room for a NULL.
    is_doubted = rows.qualities > 0
    doubted, others = rows.take(is_doubted), rows.take(~is_doubted)
    await _copy(connection, table, doubted, (*_VALUE_COLUMNS, "quality"))
    if len(others):
        await _copy(connection, table, replace(others, qualities=None), _VALUE_COLUMNS)


async def insert_numbers(connection: Connection, rows: Rows) -> Outcome:
    """Store what is not there yet."""
    await _stage(connection, rows)
    stored_count = _row_count(await connection.execute(_INSERT))
    if stored_count == len(rows):
        return Outcome(stored_count, 0)
    return Outcome(stored_count, await connection.fetchval(_COUNT_CONFLICTS))


async def overwrite_numbers(connection: Connection, rows: Rows) -> int:
    """Store all, in place of what was there; gives the number of rows that changed."""
    await _stage(connection, rows)
    return _row_count(await connection.execute(_OVERWRITE))


async def insert_texts(
    connection: Connection, texts: Sequence[TextRow], *, overwrite: bool
) -> Outcome:
    """Store texts, each instant of a series once."""
    if not texts:
        return Outcome(0, 0)
    columns = [list(column) for column in zip(*texts, strict=True)]
    statement = _OVERWRITE_TEXTS if overwrite else _INSERT_TEXTS_ONCE
    stored_count = _row_count(await connection.execute(statement, *columns))
    if stored_count == len(texts):
        return Outcome(stored_count, 0)
    return Outcome(stored_count, await connection.fetchval(_COUNT_TEXT_CONFLICTS, *columns[:3]))


async def _copy(connection: Connection, table: str, rows: Rows, columns: tuple[str, ...]) -> None:
    await connection.copy_to_table(
        table, source=_slices(readings_buffer(rows)), format="binary", columns=columns
    )


async def _stage(connection: Connection, rows: Rows) -> None:
    await connection.execute(_STAGE)
    # Appends and corrections of one transaction take turns in the same table.
    await connection.execute("DELETE FROM staged_reading")
    await copy_numbers(connection, "staged_reading", rows)


def _row_count(status: str) -> int:
    return int(status.rsplit(" ", 1)[-1])


async def _slices(buffer: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(buffer), SLICE_BYTES):
        yield buffer[start : start + SLICE_BYTES]
