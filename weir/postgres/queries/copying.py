"""Read by COPY: rows of numbers go from the server's buffer into numpy without a Python object."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import numpy as np

from weir.errors import StoreUnavailableError
from weir.postgres.copied_rows import Columns, CopiedRows
from weir.postgres.pool import Connection
from weir.postgres.queries._read import STATEMENT_TIMEOUT_S

#: A download goes at the pace of who reads it, but it holds a connection and old rows meanwhile.
DOWNLOAD_TIMEOUT_S = 3_600.0
#: Rows are handed on in pieces of about this size...
_PIECE_BYTES = 2 * 1024 * 1024
#: ...and read ahead this far: what a download takes in memory.
_PIECES_AHEAD = 2


async def copy_all(connection: Connection, statement: str, types: Mapping[str, str]) -> Columns:
    """Give all rows of a statement, column by column."""
    rows = CopiedRows(types)
    received: list[bytes] = []

    async def take(data: bytes) -> None:
        received.append(data)

    await connection.copy_from_query(
        statement, output=take, format="binary", timeout=STATEMENT_TIMEOUT_S
    )
    return rows.feed(b"".join(received))


async def copy_pieces(
    connection: Connection, statement: str, types: Mapping[str, str]
) -> AsyncIterator[Columns]:
    """Give the rows of a statement piece by piece, no faster than they are taken.

    Raises:
        StoreUnavailableError: the database went away in the middle.
    """
    pieces: asyncio.Queue[Columns | None] = asyncio.Queue(_PIECES_AHEAD)
    reading = asyncio.create_task(_copy_into(pieces, connection, statement, CopiedRows(types)))
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _copy_into(
    pieces: asyncio.Queue[Columns | None],
    connection: Connection,
    statement: str,
    rows: CopiedRows,
) -> None:
    received: list[bytes] = []
    received_bytes = 0

    async def take(data: bytes) -> None:
        nonlocal received_bytes
        received.append(data)
        received_bytes += len(data)
        if received_bytes >= _PIECE_BYTES:
            piece = rows.feed(b"".join(received))
            received.clear()
            received_bytes = 0
            await pieces.put(piece)

    try:
        await connection.copy_from_query(
            statement, output=take, format="binary", timeout=DOWNLOAD_TIMEOUT_S
        )
        piece = rows.feed(b"".join(received))
        if not rows.is_complete:
            raise StoreUnavailableError("PostgreSQL: a download ended in the middle of a row")
        if any(map(np.size, piece.values())):
            await pieces.put(piece)
    finally:
        await pieces.put(None)
