"""Make, change and remove sites."""

from dataclasses import dataclass

import asyncpg

from weir.errors import ConflictError, NotFoundError, RejectedByStoreError
from weir.events.event import Author, DomainEvent, entries_of
from weir.events.site import (
    ENTITY,
    Change,
    Create,
    Remove,
    Site,
    decide,
    entity_id,
    evolve,
)
from weir.model.site import DEFAULT_ORGANISATION, UNASSIGNED_SITE
from weir.postgres import journal
from weir.postgres.device_changes import CheckVersion
from weir.postgres.pool import Connection, transaction

_LOCK = """
    SELECT site_id, site.name, time_zone, entity_version
    FROM site JOIN organisation USING (org_id)
    WHERE organisation.slug = $1 AND site.slug = $2 FOR UPDATE OF site
    """
#: A site that was removed goes on with its own history.
_LAST_VERSION = """
    SELECT coalesce(max(entity_version), 0) FROM journal WHERE entity = $1 AND entity_id = $2
    """
_NEXT_ID = "SELECT nextval(pg_get_serial_sequence('site', 'site_id'))"
_INSERT = """
    INSERT INTO site (site_id, org_id, slug, name, time_zone, entity_version)
    OVERRIDING SYSTEM VALUE
    SELECT $3, org_id, $2, $4, $5, $6 FROM organisation WHERE slug = $1
    ON CONFLICT DO NOTHING
    """
_UPDATE = "UPDATE site SET name = $2, time_zone = $3, entity_version = $4 WHERE site_id = $1"
_DELETE = "DELETE FROM site WHERE site_id = $1"
_COUNT_DEVICES = "SELECT count(*) FROM device WHERE site_id = $1"
_KNOWS_ZONE = "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)"
_REQUEST_ROLLUPS = """
    INSERT INTO rollup_request (series_id, reason)
    SELECT series_id, 'time_zone' FROM series JOIN device USING (device_id) WHERE site_id = $1
    """


@dataclass(frozen=True, slots=True)
class SiteName:
    """Which site: its slug, and its organisation's."""

    slug: str
    organisation: str = DEFAULT_ORGANISATION

    @property
    def entity_id(self) -> str:
        """Give its name in the journal."""
        return entity_id(self.organisation, self.slug)


async def create_site(
    pool: asyncpg.Pool, site: SiteName, name: str, time_zone: str, author: Author
) -> Site:
    """Make a site.

    Raises:
        ConflictError: there is one of that name.
        RejectedByStoreError: there is no such time zone.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        await _require_zone(connection, time_zone)
        before = await _lock(connection, site)
        command = Create(await connection.fetchval(_NEXT_ID), name, time_zone)
        events, after = _decided(before, command)
        inserted = await connection.execute(
            _INSERT,
            site.organisation,
            site.slug,
            after.site_id,
            after.name,
            after.time_zone,
            after.version,
        )
        if inserted != "INSERT 0 1":
            raise ConflictError("somebody else has just made it")
        await _append(connection, site, before, events, author)
    return after


async def change_site(
    pool: asyncpg.Pool,
    site: SiteName,
    change: Change,
    author: Author,
    check: CheckVersion | None = None,
) -> Site:
    """Change a site's name or time zone; its days are computed again then.

    Raises:
        NotFoundError: there is no such site.
        RejectedByStoreError: there is no such time zone.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        if change.time_zone is not None:
            await _require_zone(connection, change.time_zone)
        before = await _lock(connection, site)
        if check is not None and before.exists:
            check(before.version)
        events, after = _decided(before, change)
        if events:
            await connection.execute(
                _UPDATE, after.site_id, after.name, after.time_zone, after.version
            )
            if after.time_zone != before.time_zone:
                await connection.execute(_REQUEST_ROLLUPS, after.site_id)
            await _append(connection, site, before, events, author)
    return after


async def remove_site(
    pool: asyncpg.Pool, site: SiteName, author: Author, check: CheckVersion | None = None
) -> None:
    """Remove a site that no device is at.

    Raises:
        NotFoundError: there is no such site.
        ConflictError: devices are at it, or it is where new devices land.
        StoreUnavailableError: try again later.
    """
    if site == SiteName(UNASSIGNED_SITE):
        raise ConflictError("new devices land at this site: it stays")
    async with transaction(pool) as connection:
        before = await _lock(connection, site)
        if not before.exists:
            raise NotFoundError(f"there is no site {site.slug[:80]!r}")
        if check is not None:
            check(before.version)
        device_count = await connection.fetchval(_COUNT_DEVICES, before.site_id)
        events, _ = _decided(before, Remove(device_count))
        await connection.execute(_DELETE, before.site_id)
        await _append(connection, site, before, events, author)


async def _lock(connection: Connection, site: SiteName) -> Site:
    """Read a site; where there is none, what is left of an earlier one of that name."""
    row = await connection.fetchrow(_LOCK, site.organisation, site.slug)
    if row is not None:
        return Site(row["entity_version"], row["site_id"], row["name"], row["time_zone"])
    return Site(await connection.fetchval(_LAST_VERSION, ENTITY, site.entity_id))


async def _require_zone(connection: Connection, time_zone: str) -> None:
    # PostgreSQL's own list: it is what computes the days.
    if not await connection.fetchval(_KNOWS_ZONE, time_zone):
        raise RejectedByStoreError(
            f"there is no time zone {time_zone[:80]!r}: give a name of the tz database, such as "
            "Europe/Berlin"
        )


def _decided(before: Site, command: Create | Change | Remove) -> tuple[list[DomainEvent], Site]:
    events = decide(before, command)
    after = before
    for event in events:
        after = evolve(after, event)
    return events, after


async def _append(
    connection: Connection,
    site: SiteName,
    before: Site,
    events: list[DomainEvent],
    author: Author,
) -> None:
    entries = entries_of(ENTITY, site.entity_id, before.version, events, author)
    await journal.append(connection, entries)
