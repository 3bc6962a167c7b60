"""Which sites there are, and how many devices are at each."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.errors import NotFoundError
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres.queries._read import fetch, fetch_row


@dataclass(frozen=True, slots=True)
class SiteSummary:
    """One site; `device_count` leaves out devices that are deleted."""

    slug: str
    organisation: str
    name: str
    time_zone: str
    device_count: int
    deleted_device_count: int
    version: int
    created_at: datetime


_SUMMARY = """
    SELECT site.slug, organisation.slug AS organisation, site.name, time_zone,
           count(device_id) FILTER (WHERE NOT is_deleted) AS device_count,
           count(device_id) FILTER (WHERE is_deleted) AS deleted_device_count,
           site.entity_version AS version, site.recorded_at AS created_at
    FROM site JOIN organisation USING (org_id) LEFT JOIN device USING (site_id)
    WHERE organisation.slug = $1 AND {condition}
    GROUP BY site_id, organisation.slug ORDER BY site.slug
    """
_LIST = _SUMMARY.format(condition="site.slug > $2") + "LIMIT $3"
_SHOW = _SUMMARY.format(condition="site.slug = $2")


async def list_sites(
    pool: asyncpg.Pool, *, after: str, limit: int, organisation: str = DEFAULT_ORGANISATION
) -> list[SiteSummary]:
    """List the sites of an organisation by slug, those behind `after`; at most `limit`.

    Raises:
        StoreUnavailableError: try again later.
    """
    return [SiteSummary(**row) for row in await fetch(pool, _LIST, organisation, after, limit)]


async def show_site(
    pool: asyncpg.Pool, slug: str, organisation: str = DEFAULT_ORGANISATION
) -> SiteSummary:
    """Show one site.

    Raises:
        NotFoundError: the organisation has no such site.
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _SHOW, organisation, slug)
    if row is None:
        raise NotFoundError(f"there is no site {slug[:80]!r}")
    return SiteSummary(**row)
