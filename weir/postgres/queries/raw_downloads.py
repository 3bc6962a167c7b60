"""All readings of a range as a download: series after series, each ascending by time."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import numpy as np
from numpy.typing import NDArray

from weir.clock import to_us
from weir.postgres.copied_rows import DOUBLE, INSTANT
from weir.postgres.pool import Connection
from weir.postgres.queries._read import snapshot
from weir.postgres.queries.copying import DOWNLOAD_TIMEOUT_S, copy_pieces
from weir.postgres.queries.parts import instant
from weir.postgres.queries.series import Series, which_have_texts

_COLUMNS = {"observed_at": INSTANT, "value": DOUBLE}
#: Texts read at once.
_TEXTS = 2_000
_TEXT_READINGS = """
    SELECT observed_at, value FROM text_reading
    WHERE series_id = $1 AND observed_at >= $2 AND observed_at < $3 ORDER BY observed_at
    """


@dataclass(frozen=True, slots=True)
class Piece:
    """Some readings of one series, ascending; `values`: numbers, or a list of texts."""

    series: Series
    instants_us: NDArray[np.int64]
    values: NDArray[np.float64] | list[str]


async def download(
    pool: asyncpg.Pool, series: Sequence[Series], since: datetime, until: datetime
) -> AsyncGenerator[Piece]:
    """Give the readings of [since, until) from one snapshot, numbers before texts in a series.

    Raises:
        StoreUnavailableError: try again later; in the middle: what came is not all.
    """
    async with snapshot(pool) as connection:
        with_texts = await which_have_texts(connection, [each.series_id for each in series])
        for each in series:
            async for piece in read_numbers(connection, each, to_us(since), to_us(until)):
                yield piece
            if each.series_id in with_texts:
                async for piece in _read_texts(connection, each, since, until):
                    yield piece


async def read_numbers(
    connection: Connection, series: Series, since_us: int, until_us: int
) -> AsyncIterator[Piece]:
    """Give the numbers of one series, piece by piece."""
    statement = (
        f"SELECT observed_at, value FROM reading WHERE series_id = {series.series_id} "  # noqa: S608
        f"AND observed_at >= {instant(since_us)} AND observed_at < {instant(until_us)} "
        "ORDER BY observed_at"
    )
    async for columns in copy_pieces(connection, statement, _COLUMNS):
        yield Piece(series, columns["observed_at"], columns["value"])


async def _read_texts(
    connection: Connection, series: Series, since: datetime, until: datetime
) -> AsyncIterator[Piece]:
    cursor = await connection.cursor(
        _TEXT_READINGS, series.series_id, since, until, timeout=DOWNLOAD_TIMEOUT_S
    )
    while rows := await cursor.fetch(_TEXTS):
        instants = np.array([to_us(row["observed_at"]) for row in rows], dtype=np.int64)
        yield Piece(series, instants, [row["value"] for row in rows])
