"""Ask for rollups to be computed again, because somebody wants to be sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.errors import NotFoundError
from weir.postgres.pool import transaction
from weir.postgres.rollup_requests import Reason

_ASK = """
    WITH asked AS (
        INSERT INTO rollup_request (series_id, since, until, reason)
        SELECT series_id, $3, $4, $5 FROM series
        WHERE (cardinality($1::integer[]) = 0 OR device_id = ANY($1))
          AND ($2::text IS NULL OR field = $2)
        ORDER BY series_id RETURNING request_id
    )
    SELECT count(*) AS series_count, max(request_id) AS last_id FROM asked
    """


@dataclass(frozen=True, slots=True)
class AskedRebuild:
    """Requests that wait to be worked off; `last_id` is the last of them."""

    series_count: int
    last_id: int


async def ask_rebuild(
    pool: asyncpg.Pool,
    device_ids: Sequence[int],
    field: str | None,
    since: datetime,
    until: datetime,
) -> AskedRebuild:
    """Have the rollups from `since` to `until` computed again, of these devices (none: all).

    Raises:
        NotFoundError: none of them has this field, or there are no series at all.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        row = await connection.fetchrow(_ASK, device_ids, field, since, until, Reason.REBUILD)
    if row is None or not row["series_count"]:
        raise NotFoundError(
            "there is nothing to compute: "
            + ("no device has measured anything" if field is None else f"no field {field!r}")
        )
    return AskedRebuild(row["series_count"], row["last_id"])
