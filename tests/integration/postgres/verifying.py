"""Verify rollups from beginning to end, in as many calls as it takes."""

from datetime import datetime, timedelta

import asyncpg

from tests.integration.postgres.rollup_world import START, World
from weir.model.limits import OBSERVED_AT_MIN
from weir.postgres.queries.rollup_verification import (
    Verification,
    WantedBuckets,
    verify_rollups,
)

#: After everything that tests store.
END = START + timedelta(days=4_000)


async def settle(world: World) -> None:
    """Let everything be rolled up, and be so long ago that all of it is compared."""
    await world.settle()
    await world.pool.execute("UPDATE rollup_progress SET rolled_until = $1", END)


async def verify(
    pool: asyncpg.Pool, since: datetime = OBSERVED_AT_MIN, until: datetime = END
) -> Verification:
    wanted = WantedBuckets((), None, since, until)
    whole = found = await verify_rollups(pool, wanted, None)
    while found.place is not None:
        found = await verify_rollups(pool, wanted, found.place)
        whole.differences += found.differences
        for level, count in found.counts.items():
            whole.counts[level].add(count)
    return whole
