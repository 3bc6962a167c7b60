"""Gaps open when a batch is missing, and close when it comes late."""

import asyncpg
import pytest

from weir.ports import Checkpoint
from weir.postgres import sequences
from weir.postgres.devices import resolve_series
from weir.postgres.sequences import PostgresSequenceStore

pytestmark = pytest.mark.postgres


class Projection:
    """Notes arrivals one commit after another."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.store = PostgresSequenceStore(pool)
        self.offset = 0

    async def note(self, *numbers: int, boot_id: int = 7) -> None:
        start = Checkpoint("gaps", "stream.0", self.offset)
        await self.store.note(start, self.offset + 1, {("pump-1", boot_id): set(numbers)})
        self.offset += 1


@pytest.fixture
async def projection(pool: asyncpg.Pool) -> Projection:
    await resolve_series(pool, [("pump-1", "pressure", "bar")])
    return Projection(pool)


async def missing(pool: asyncpg.Pool, boot_id: int = 7) -> str:
    spelled = await pool.fetchval(
        "SELECT missing_sequences(received)::text FROM device_sequence WHERE boot_id = $1", boot_id
    )
    return str(spelled)


async def test_a_gap_opens_and_closes_again(pool: asyncpg.Pool, projection: Projection) -> None:
    await projection.note(1, 2, 3)
    assert "{}" == await missing(pool)

    await projection.note(6, 8)
    assert "{[4,6),[7,8)}" == await missing(pool)
    assert 3 == await projection.store.count_missing()

    await projection.note(5, 7, 7, 1)
    await projection.note(4)
    assert "{}" == await missing(pool)
    assert 0 == await projection.store.count_missing()


async def test_the_first_batches_of_a_boot_can_be_missing(
    pool: asyncpg.Pool, projection: Projection
) -> None:
    await projection.note(3)

    assert "{[1,3)}" == await missing(pool)


async def test_each_boot_counts_by_itself(pool: asyncpg.Pool, projection: Projection) -> None:
    await projection.note(1, 2)
    await projection.note(1, 3, boot_id=8)

    assert ("{}", "{[2,3)}") == (await missing(pool), await missing(pool, 8))


async def test_runs_and_boots_are_bounded(pool: asyncpg.Pool, projection: Projection) -> None:
    every_second = range(1, 2 * sequences.RUNS_MAX + 200, 2)
    await projection.note(*every_second)

    runs = await pool.fetchval("SELECT count(*) FROM device_sequence, unnest(received)")
    assert sequences.RUNS_MAX == runs
    for boot_id in range(100, 100 + sequences.BOOTS_MAX + 3):
        await projection.note(1, boot_id=boot_id)
    assert sequences.BOOTS_MAX == await pool.fetchval("SELECT count(*) FROM device_sequence")
