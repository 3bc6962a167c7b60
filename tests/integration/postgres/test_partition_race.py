"""A partition made while readings are on their way to the default one."""

from datetime import UTC, date, datetime

import asyncpg
import pytest

from weir.errors import StoreUnavailableError
from weir.postgres.errors import translated
from weir.postgres.schema import make_partitions_ahead

pytestmark = pytest.mark.postgres


async def test_a_row_that_lost_its_partition_is_worth_a_retry(pool: asyncpg.Pool) -> None:
    if await pool.fetchval("SELECT storage_mode()") != "plain":
        pytest.skip("TimescaleDB has no default partition")
    await make_partitions_ahead(pool, date(2031, 5, 4))

    # The default partition itself refuses what belongs elsewhere, as a COPY under way would meet.
    noon = datetime(2031, 5, 4, 12, tzinfo=UTC)
    with pytest.raises(StoreUnavailableError), translated():
        await pool.execute("INSERT INTO reading_default VALUES (1, $1, 1)", noon)
