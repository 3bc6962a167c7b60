"""What has happened to devices lately: they come and go, are enrolled, moved, disabled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.events import device, presence
from weir.postgres.queries._read import fetch
from weir.postgres.queries.journal import journal_end

#: Entities whose id is a serial, and whose events anybody may see who may see devices.
_ENTITIES = [device.ENTITY, presence.ENTITY]
_CHANGES = """
    SELECT position, recorded_at, entity_id AS serial, type, data ->> 'reason' AS reason,
           data ->> 'site' AS site, actor
    FROM journal
    WHERE position > $1 AND position <= $2 AND entity = ANY($3)
      AND (cardinality($4::text[]) = 0 OR entity_id = ANY($4))
    ORDER BY position LIMIT $5
    """


@dataclass(frozen=True, slots=True)
class DeviceChange:
    """One change; `reason` of its presence, `site` where it is one now."""

    position: int
    recorded_at: datetime
    serial: str
    type: str
    reason: str | None
    site: str | None
    actor: str


async def follow_changes(
    pool: asyncpg.Pool, serials: Sequence[str], *, after: int, limit: int
) -> tuple[list[DeviceChange], int]:
    """Give changes behind a position of the journal, oldest first, and where to go on.

    `serials`: of which devices; none: of all. At most `limit` are given.

    Raises:
        StoreUnavailableError: try again later.
    """
    # Positions become visible in their order: nothing will ever appear before this one.
    end = await journal_end(pool)
    rows = await fetch(pool, _CHANGES, after, end, _ENTITIES, serials, limit)
    changes = [DeviceChange(**row) for row in rows]
    return changes, changes[-1].position if len(changes) == limit else max(after, end)
