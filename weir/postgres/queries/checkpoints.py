"""How far each consumer has read each stream."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.postgres.errors import translated

_LIST = """
    SELECT consumer, stream, next_offset, recorded_at FROM stream_offset ORDER BY consumer, stream
    """


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """One checkpoint; `recorded_at`: when it last moved, UTC."""

    consumer: str
    stream: str
    next_offset: int
    recorded_at: datetime


async def list_checkpoints(pool: asyncpg.Pool) -> list[CheckpointRow]:
    """Give all checkpoints, by consumer and stream.

    Raises:
        StoreUnavailableError: try again later.
    """
    with translated():
        rows = await pool.fetch(_LIST)
    return [CheckpointRow(*row) for row in rows]
