"""Where devices were: a window of their locations, the newest of it, and the latest of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg

from weir.model.location import Fix
from weir.postgres.queries._read import fetch, fetch_along_key


class LocationPosition(NamedTuple):
    """A place in the order of locations: by time, then device."""

    observed_at: datetime
    device_id: int


@dataclass(frozen=True, slots=True)
class LocationFilter:
    """Which locations: those of `device_ids` from `since` and before `until`, behind `after`."""

    device_ids: Sequence[int]
    since: datetime
    until: datetime
    after: LocationPosition | None = None


@dataclass(frozen=True, slots=True)
class StoredLocation:
    """One location (WGS 84); None where the device did not say."""

    serial: str
    position: LocationPosition
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    fix: Fix


# A single-precision number is exact only in its own shortest text.
_COLUMNS = """
    observed_at, device_id, latitude_deg, longitude_deg,
    altitude_m::text::double precision AS altitude_m,
    speed_mps::text::double precision AS speed_mps,
    heading_deg::text::double precision AS heading_deg, fix
    """
# Each device is read along its key and no further than the limit, whatever the window holds.
_WINDOW = f"""
    SELECT serial, found.* FROM device, LATERAL (
        SELECT {_COLUMNS} FROM location
        WHERE location.device_id = device.device_id AND observed_at >= $2 AND observed_at < $3
          AND (observed_at, location.device_id) > ($4, $5)
        ORDER BY observed_at {{order}} LIMIT $6
    ) AS found
    WHERE device.device_id = ANY($1::integer[])
    ORDER BY observed_at {{order}}, found.device_id {{order}} LIMIT $6
    """  # noqa: S608 - only constants are put together
_ASCENDING = _WINDOW.format(order="ASC")
_DESCENDING = _WINDOW.format(order="DESC")
_LATEST = f"""
    SELECT serial, found.* FROM device, LATERAL (
        SELECT {_COLUMNS} FROM location WHERE location.device_id = device.device_id
        ORDER BY observed_at DESC LIMIT 1
    ) AS found
    WHERE serial > $1 AND ($2::integer[] IS NULL OR device.device_id = ANY($2))
    ORDER BY serial LIMIT $3
    """  # noqa: S608


async def list_locations(
    pool: asyncpg.Pool, wanted: LocationFilter, limit: int
) -> list[StoredLocation]:
    """Give the oldest `limit` locations that the filter lets pass, ascending.

    Raises:
        StoreUnavailableError: try again later.
    """
    return await _read(pool, _ASCENDING, wanted, limit)


async def list_newest_locations(
    pool: asyncpg.Pool, wanted: LocationFilter, limit: int
) -> list[StoredLocation]:
    """Give the newest `limit` locations that the filter lets pass, ascending.

    Raises:
        StoreUnavailableError: try again later.
    """
    return (await _read(pool, _DESCENDING, wanted, limit))[::-1]


async def list_latest_locations(
    pool: asyncpg.Pool, device_ids: Sequence[int] | None, *, after: str, limit: int
) -> list[StoredLocation]:
    """Give the latest location of each device by serial, those behind `after`; None: of all.

    Devices that never told where they are have none.

    Raises:
        StoreUnavailableError: try again later.
    """
    return [_location(row) for row in await fetch(pool, _LATEST, after, device_ids, limit)]


async def _read(
    pool: asyncpg.Pool, statement: str, wanted: LocationFilter, limit: int
) -> list[StoredLocation]:
    # No device has the id 0.
    after = wanted.after or LocationPosition(wanted.since, 0)
    rows = await fetch_along_key(
        pool,
        statement,
        wanted.device_ids,
        max(wanted.since, after.observed_at),
        wanted.until,
        *after,
        limit,
    )
    return [_location(row) for row in rows]


def _location(row: asyncpg.Record) -> StoredLocation:
    serial, observed_at, device_id, latitude_deg, longitude_deg, *motion, fix = row
    altitude_m, speed_mps, heading_deg = motion
    return StoredLocation(
        serial,
        LocationPosition(observed_at, device_id),
        latitude_deg,
        longitude_deg,
        altitude_m,
        speed_mps,
        heading_deg,
        Fix(fix),
    )
