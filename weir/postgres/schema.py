"""Whether the database is as this version of Weir needs it, and what must be made ahead."""

from datetime import date, timedelta

import asyncpg

from weir.errors import StoreUnavailableError
from weir.postgres.errors import translated
from weir.postgres.migrate import pending

#: Partitions are made this many days ahead: a service may be down for a week without any reading
#: going to the default partition.
PARTITIONS_AHEAD_DAYS = 7
#: Readings may be a day late without going to the default partition on the first day.
PARTITIONS_BEHIND_DAYS = 1
_MAKE_PARTITIONS = "SELECT ensure_reading_partitions($1, $2) + ensure_minute_partitions($1, $2)"


async def require_schema(url: str) -> None:
    """Return when every migration is applied.

    Raises:
        StoreUnavailableError: the database is away, or migrations are missing (yet).
        MigrationError: a migration was edited after it was applied, or is missing here.
    """
    missing = await pending(url)
    if missing:
        raise StoreUnavailableError(f"the database lacks {missing[0]}: run `iotctl migrate`")


async def make_partitions_ahead(pool: asyncpg.Pool, today: date) -> int:
    """Make the partitions of the coming days; gives the number made. Safe to repeat.

    Raises:
        StoreUnavailableError: try again later.
    """
    first_day = today - timedelta(days=PARTITIONS_BEHIND_DAYS)
    last_day = today + timedelta(days=PARTITIONS_AHEAD_DAYS)
    with translated():
        made = await pool.fetchval(_MAKE_PARTITIONS, first_day, last_day)
    return int(made)
