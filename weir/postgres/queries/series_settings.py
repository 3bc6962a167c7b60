"""What each series is: what its device says of it, and what an operator says in its place."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from weir.errors import NotFoundError
from weir.model.announcement import Kind
from weir.model.serial import is_serial
from weir.postgres.queries._read import fetch, fetch_row


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Which series; None: whatever. `search`: anywhere in the field, in whatever case."""

    serial: str | None = None
    site: str | None = None
    kind: Kind | None = None
    series_class: str | None = None
    search: str = ""


@dataclass(frozen=True, slots=True)
class SeriesSettings:
    """One series; `overridden` names what an operator has said in place of the device."""

    series_id: int
    serial: str
    site: str
    field: str
    unit: str
    description: str
    kind: Kind
    series_class: str
    overridden: Sequence[str]
    announced_unit: str
    announced_description: str
    announced_kind: Kind
    version: int


_SELECT = """
    SELECT series_id, serial, site.slug AS site, field, unit, description, kind,
           class AS series_class, overridden, announced_unit, announced_description,
           announced_kind, series.entity_version AS version
    FROM series JOIN device USING (device_id) JOIN site USING (site_id)
    """
_LIST = f"""{_SELECT}
    WHERE NOT is_deleted
      AND ($1::bigint = 0 OR (serial, field) > (
          SELECT device.serial, last.field FROM series AS last JOIN device USING (device_id)
          WHERE last.series_id = $1))
      AND ($2::text IS NULL OR serial = $2)
      AND ($3::text IS NULL OR site.slug = $3)
      AND ($4::text IS NULL OR kind = $4)
      AND ($5::text IS NULL OR class = $5)
      AND strpos(lower(field), lower($6)) > 0
    ORDER BY serial, field LIMIT $7
    """  # noqa: S608 - only constants are put together
_SHOW = f"{_SELECT} WHERE serial = $1 AND field = $2"


async def list_series(
    pool: asyncpg.Pool, wanted: SeriesFilter, *, after_id: int, limit: int
) -> list[SeriesSettings]:
    """List series by device and field, those behind the series `after_id`; 0: from the first.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(
        pool,
        _LIST,
        after_id,
        wanted.serial,
        wanted.site,
        wanted.kind,
        wanted.series_class,
        wanted.search,
        limit,
    )
    return [_settings(row) for row in rows]


async def show_series(pool: asyncpg.Pool, serial: str, field: str) -> SeriesSettings:
    """Show one series.

    Raises:
        NotFoundError: no such device, or the device never had this field.
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _SHOW, serial, field) if is_serial(serial) else None
    if row is None:
        raise NotFoundError(f"no device {serial[:80]!r} has a field {field[:200]!r}")
    return _settings(row)


def _settings(row: asyncpg.Record) -> SeriesSettings:
    kinds = {name: Kind(row[name]) for name in ("kind", "announced_kind")}
    return SeriesSettings(**{**row, **kinds})
