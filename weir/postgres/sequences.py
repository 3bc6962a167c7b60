"""Which batches of each device's boots have arrived, and so which are missing."""

from collections.abc import Iterable, Mapping
from itertools import groupby

import asyncpg

from weir.ports import Checkpoint, SeenSequences
from weir.postgres import checkpoints
from weir.postgres.errors import translated
from weir.postgres.pool import Connection, transaction

#: Runs of arrived batches that are remembered for one boot: of a device with more holes than this
#: the oldest runs are forgotten, and so count as missing.
RUNS_MAX = 1_000
#: Boots remembered for one device, the latest.
BOOTS_MAX = 16

_NOTE = """
    INSERT INTO device_sequence AS known (device_id, boot_id, received)
    SELECT device_id, seen.boot_id, seen.received::int8multirange
    FROM unnest($1::text[], $2::bigint[], $3::text[]) AS seen (serial, boot_id, received)
    JOIN device USING (serial)
    ORDER BY device_id, seen.boot_id
    ON CONFLICT (device_id, boot_id) DO UPDATE
    SET received = known.received + excluded.received, recorded_at = now()
    RETURNING known.device_id
    """
_FORGET_RUNS = """
    UPDATE device_sequence SET received = (
        SELECT range_agg(run) FROM (
            SELECT run FROM unnest(received) AS run ORDER BY lower(run) DESC LIMIT $2
        ) AS latest)
    WHERE device_id = ANY($1::integer[]) AND (SELECT count(*) FROM unnest(received)) > $2
    """
_COUNT_MISSING = """
    UPDATE device_sequence SET missing_count = count_sequences(missing_sequences(received))
    WHERE device_id = ANY($1::integer[])
      AND missing_count <> count_sequences(missing_sequences(received))
    """
_FORGET_BOOTS = """
    DELETE FROM device_sequence AS old USING (
        SELECT device_id, boot_id,
               row_number() OVER (PARTITION BY device_id ORDER BY recorded_at DESC) AS age
        FROM device_sequence WHERE device_id = ANY($1::integer[])
    ) AS ranked
    WHERE ranked.age > $2 AND old.device_id = ranked.device_id AND old.boot_id = ranked.boot_id
    """


class PostgresSequenceStore:
    """Arrived sequence numbers in the table `device_sequence`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def note(self, start: Checkpoint, next_offset: int, seen: SeenSequences) -> None:
        """Note arrived batches and move the checkpoint in one transaction; safe to repeat.

        Raises:
            ConflictError: the stored checkpoint is not `start`.
            StoreUnavailableError: try again later.
        """
        async with transaction(self._pool) as connection:
            await checkpoints.advance(connection, start, next_offset)
            if seen:
                await _note(connection, seen)

    async def count_missing(self) -> int:
        """Count the batches that are missing in the whole installation.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            return int(
                await self._pool.fetchval(
                    "SELECT coalesce(sum(missing_count), 0) FROM device_sequence"
                )
            )


def multirange(numbers: Iterable[int]) -> str:
    """Spell whole numbers as PostgreSQL's int8multirange: `{[1,4),[7,8)}`."""
    runs = []
    ordered = sorted(set(numbers))
    for _, run in groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        runs.append(f"[{members[0]},{members[-1] + 1})")
    return "{" + ",".join(runs) + "}"


async def _note(connection: Connection, seen: Mapping[tuple[str, int], set[int]]) -> None:
    rows = await connection.fetch(
        _NOTE,
        [serial for serial, _ in seen],
        [boot_id for _, boot_id in seen],
        [multirange(numbers) for numbers in seen.values()],
    )
    device_ids = sorted({row["device_id"] for row in rows})
    await connection.execute(_FORGET_RUNS, device_ids, RUNS_MAX)
    await connection.execute(_COUNT_MISSING, device_ids)
    await connection.execute(_FORGET_BOOTS, device_ids, BOOTS_MAX)
