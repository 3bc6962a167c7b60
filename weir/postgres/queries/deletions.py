"""Deletions of readings: what one would delete, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from weir.errors import NotFoundError
from weir.postgres.queries._read import fetch, fetch_row

#: Fields named in the message about one that does not exist.
_FIELDS_NAMED_MAX = 10

_FIELDS = """
    SELECT field FROM device LEFT JOIN series USING (device_id) WHERE serial = $1 ORDER BY field
    """
_COUNT = """
    SELECT field, (SELECT count(*) FROM reading WHERE reading.series_id = series.series_id
                   AND observed_at >= $3 AND observed_at < $4)
                + (SELECT count(*) FROM text_reading WHERE text_reading.series_id = series.series_id
                   AND observed_at >= $3 AND observed_at < $4) AS reading_count
    FROM series JOIN device USING (device_id)
    WHERE serial = $1 AND (cardinality($2::text[]) = 0 OR field = ANY($2)) ORDER BY field
    """
_SHOW = """
    SELECT deletion_id, serial, fields, since, until, actor, requested_at, applied_at, deleted_count
    FROM reading_deletion JOIN device USING (device_id) WHERE deletion_id = $1
    """


@dataclass(frozen=True, slots=True)
class AskedDeletion:
    """A deletion that somebody asked for.

    `fields`: none, all of the device. `applied_at`: None until its turn in the stream has come.
    """

    deletion_id: UUID
    serial: str
    fields: Sequence[str]
    since: datetime
    until: datetime
    actor: str
    requested_at: datetime
    applied_at: datetime | None
    deleted_count: int | None


async def require_fields(pool: asyncpg.Pool, serial: str, fields: Sequence[str]) -> None:
    """Return when the device has all these fields.

    Raises:
        NotFoundError: no such device, or it lacks one of them.
        StoreUnavailableError: try again later.
    """
    rows = await fetch(pool, _FIELDS, serial)
    if not rows:
        raise NotFoundError(f"no device has the serial {serial[:80]!r}")
    known = [row["field"] for row in rows if row["field"] is not None]
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise NotFoundError(
            f"device {serial} has no field {unknown[0][:200]!r}; "
            f"it has {', '.join(known[:_FIELDS_NAMED_MAX]) or 'none yet'}"
        )


async def count_deletable(
    pool: asyncpg.Pool, serial: str, fields: Sequence[str], since: datetime, until: datetime
) -> dict[str, int]:
    """Count what a deletion would delete, by field; no fields: all of the device.

    Raises:
        NotFoundError: no such device, or it lacks one of the fields.
        StoreUnavailableError: try again later.
    """
    await require_fields(pool, serial, fields)
    rows = await fetch(pool, _COUNT, serial, fields, since, until)
    return {row["field"]: row["reading_count"] for row in rows}


async def show_deletion(pool: asyncpg.Pool, deletion_id: UUID) -> AskedDeletion:
    """Give one deletion.

    Raises:
        NotFoundError: nobody has asked for it.
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _SHOW, deletion_id)
    if row is None:
        raise NotFoundError(f"there is no deletion {deletion_id}")
    return AskedDeletion(**row)
