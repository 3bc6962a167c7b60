"""All readings of a range as a download: series after series, each ascending by time."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import numpy as np
from numpy.typing import NDArray

from weir.clock import to_us
from weir.postgres.copied_rows import DOUBLE, INSTANT, SMALLINT
from weir.postgres.pool import Connection
from weir.postgres.queries._read import snapshot
from weir.postgres.queries.copying import DOWNLOAD_TIMEOUT_S, copy_pieces
from weir.postgres.queries.parts import instant
from weir.postgres.queries.series import Series, which_have_texts

_COLUMNS = {"observed_at": INSTANT, "value": DOUBLE}
#: A binary row has no room for a NULL: 0 stands for it.
_QUALITY = "coalesce(quality, 0::smallint)"
#: Texts read at once.
_TEXTS = 2_000
_TEXT_READINGS = """
    SELECT observed_at, value, coalesce(quality, 0) AS quality FROM text_reading
    WHERE series_id = $1 AND observed_at >= $2 AND observed_at < $3 ORDER BY observed_at
    """


@dataclass(frozen=True, slots=True)
class RawQuestion:
    """Which readings: those of [since, until), with what devices have against them or without."""

    since: datetime
    until: datetime
    with_quality: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Some readings of one series, ascending; `values`: numbers, or a list of texts.

    `qualities`: 0 where nothing is known against a reading; None where nobody asked.
    """

    series: Series
    instants_us: NDArray[np.int64]
    values: NDArray[np.float64] | list[str]
    qualities: NDArray[np.int16] | None = None


async def download(
    pool: asyncpg.Pool, series: Sequence[Series], question: RawQuestion
) -> AsyncGenerator[Piece]:
    """Give the readings from one snapshot, numbers before texts in a series.

    Raises:
        StoreUnavailableError: try again later; in the middle: what came is not all.
    """
    async with snapshot(pool) as connection:
        with_texts = await which_have_texts(connection, [each.series_id for each in series])
        for each in series:
            async for piece in read_numbers(connection, each, question):
                yield piece
            if each.series_id in with_texts:
                async for piece in _read_texts(connection, each, question):
                    yield piece


async def read_numbers(
    connection: Connection, series: Series, question: RawQuestion
) -> AsyncIterator[Piece]:
    """Give the numbers of one series, piece by piece."""
    since, until = instant(to_us(question.since)), instant(to_us(question.until))
    quality = f", {_QUALITY}" if question.with_quality else ""
    statement = (
        f"SELECT observed_at, value{quality} FROM reading "  # noqa: S608 - numbers and instants
        f"WHERE series_id = {series.series_id} "
        f"AND observed_at >= {since} AND observed_at < {until} ORDER BY observed_at"
    )
    types = {**_COLUMNS, "quality": SMALLINT} if question.with_quality else _COLUMNS
    async for columns in copy_pieces(connection, statement, types):
        yield Piece(series, columns["observed_at"], columns["value"], columns.get("quality"))


async def _read_texts(
    connection: Connection, series: Series, question: RawQuestion
) -> AsyncIterator[Piece]:
    cursor = await connection.cursor(
        _TEXT_READINGS,
        series.series_id,
        question.since,
        question.until,
        timeout=DOWNLOAD_TIMEOUT_S,
    )
    while rows := await cursor.fetch(_TEXTS):
        instants = np.array([to_us(row["observed_at"]) for row in rows], dtype=np.int64)
        qualities = np.array([row["quality"] for row in rows], dtype=np.int16)
        texts = [row["value"] for row in rows]
        yield Piece(series, instants, texts, qualities if question.with_quality else None)
