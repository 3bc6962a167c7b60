"""How far consumers have read, moved in the transaction of what they stored."""

import asyncpg

from weir.errors import ConflictError
from weir.ports import Checkpoint
from weir.postgres.errors import translated
from weir.postgres.pool import Connection, transaction

_READ = "SELECT next_offset FROM stream_offset WHERE consumer = $1 AND stream = $2"
_START = """
    INSERT INTO stream_offset (consumer, stream, next_offset) VALUES ($1, $2, 0)
    ON CONFLICT DO NOTHING
    """
_PUT = """
    INSERT INTO stream_offset (consumer, stream, next_offset) VALUES ($1, $2, $3)
    ON CONFLICT (consumer, stream) DO UPDATE SET next_offset = $3, recorded_at = now()
    """
_FORGET = "DELETE FROM stream_offset WHERE consumer = $1"
_ADVANCE = """
    UPDATE stream_offset SET next_offset = $4, recorded_at = now()
    WHERE consumer = $1 AND stream = $2 AND next_offset = $3
    """


class PostgresCheckpointStore:
    """Checkpoints in the table `stream_offset`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def next_offset(self, consumer: str, stream: str) -> int:
        """Tell the offset that `consumer` wants next; 0 when it never read `stream`.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            offset = await self._pool.fetchval(_READ, consumer, stream)
        return int(offset or 0)

    async def put(self, checkpoint: Checkpoint) -> None:
        """Set a checkpoint, whatever it was; a writer that is at work then meets a conflict.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            await self._pool.execute(
                _PUT, checkpoint.consumer, checkpoint.stream, checkpoint.next_offset
            )

    async def move(self, start: Checkpoint, next_offset: int) -> None:
        """Move a checkpoint from exactly `start`, in a transaction of its own.

        Raises:
            ConflictError: the stored checkpoint is another one.
            StoreUnavailableError: try again later; whether it was moved, the checkpoint shows.
        """
        async with transaction(self._pool) as connection:
            await advance(connection, start, next_offset)

    async def forget(self, consumer: str) -> None:
        """Forget how far `consumer` has read.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            await self._pool.execute(_FORGET, consumer)


async def advance(connection: Connection, start: Checkpoint, next_offset: int) -> None:
    """Move a checkpoint from exactly `start`, within the caller's transaction.

    The row stays locked until the commit: a second writer waits, and then finds that it is late.

    Raises:
        ConflictError: the stored checkpoint is another one.
    """
    if start.next_offset == 0:
        await connection.execute(_START, start.consumer, start.stream)
    moved = await connection.execute(
        _ADVANCE, start.consumer, start.stream, start.next_offset, next_offset
    )
    if moved != "UPDATE 1":
        raise ConflictError(
            f"{start.consumer} is no longer at offset {start.next_offset} of {start.stream}"
        )
