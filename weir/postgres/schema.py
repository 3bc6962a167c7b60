"""Whether the database is as this version of Weir needs it, and what must be made ahead."""

from datetime import date, timedelta

import asyncpg
import structlog

from weir.errors import StoreUnavailableError
from weir.postgres.errors import translated
from weir.postgres.migrate import compare_schema

log = structlog.get_logger()

#: Partitions are made this many days ahead: a service may be down for a week without any reading
#: going to the default partition.
PARTITIONS_AHEAD_DAYS = 7
#: Readings may be a day late without going to the default partition on the first day.
PARTITIONS_BEHIND_DAYS = 1
_MAKE_PARTITIONS = "SELECT ensure_reading_partitions($1, $2) + ensure_minute_partitions($1, $2)"


async def require_schema(url: str) -> None:
    """Return when every migration is applied; those of a newer version do not matter.

    Raises:
        StoreUnavailableError: the database is away, or migrations are missing (yet).
        MigrationError: a migration was edited after it was applied, or is missing here.
    """
    gap = await compare_schema(url)
    if gap.pending:
        raise StoreUnavailableError(f"the database lacks {gap.pending[0]}: run `iotctl migrate`")
    if gap.unknown:
        log.info(
            "schema_newer_found",
            newest=gap.unknown[-1],
            reason="the database was migrated for a newer Weir; this one works on until it follows",
        )


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
