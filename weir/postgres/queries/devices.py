"""Which devices there are, where they belong, and how recently they were heard of."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import asyncpg

from weir.errors import NotFoundError
from weir.model.serial import is_serial
from weir.postgres.queries._read import fetch, fetch_row

#: A device that was heard of within this time counts as online.
ONLINE_WINDOW = timedelta(minutes=5)


class DeviceState(StrEnum):
    """Whether what a device sends is stored, or kept aside until somebody approves the device."""

    PENDING = "pending"
    ACTIVE = "active"


class Presence(StrEnum):
    """Whether a device is heard of: within `ONLINE_WINDOW`, longer ago, or not at all yet."""

    ONLINE = "online"
    OFFLINE = "offline"
    NEVER_SEEN = "never_seen"


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices to list; None: whatever.

    `serial_prefix`: case-sensitive, as serials are. `site`: the slug of a site.
    """

    site: str | None = None
    model: str | None = None
    state: DeviceState | None = None
    presence: Presence | None = None
    serial_prefix: str = ""


@dataclass(frozen=True, slots=True)
class DeviceSummary:
    """One device of a list; `model` and `firmware` are empty until it has announced itself.

    `last_seen_at`: when the broker last had measurements of it. `last_observed_at`: the device's
    own time of its newest reading then.
    """

    serial: str
    organisation: str
    site: str
    model: str
    firmware: str
    sample_rate_hz: float
    state: DeviceState
    presence: Presence
    enrolled_at: datetime
    announced_at: datetime | None
    last_seen_at: datetime | None
    last_observed_at: datetime | None


_SUMMARY = """
    SELECT serial, organisation.slug AS organisation, site.slug AS site, model, firmware,
           sample_rate_hz, state, enrolled_at, announced_at, last_seen_at, last_observed_at,
           CASE WHEN last_seen_at IS NULL THEN 'never_seen'
                WHEN last_seen_at >= $1 THEN 'online' ELSE 'offline' END AS presence
    FROM device JOIN site USING (site_id) JOIN organisation USING (org_id)
    LEFT JOIN device_activity USING (device_id)
    """
_LIST = f"""
    SELECT * FROM ({_SUMMARY}) AS summary
    WHERE serial > $2 AND starts_with(serial, $3)
      AND ($4::text IS NULL OR site = $4)
      AND ($5::text IS NULL OR model = $5)
      AND ($6::text IS NULL OR state = $6)
      AND ($7::text IS NULL OR presence = $7)
    ORDER BY serial LIMIT $8
    """  # noqa: S608 - only constants are put together
_SHOW = f"{_SUMMARY} WHERE serial = $2"


async def list_devices(
    pool: asyncpg.Pool, wanted: DeviceFilter, now: datetime, *, after: str, limit: int
) -> list[DeviceSummary]:
    """List devices by serial, those behind the serial `after`; at most `limit`.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(
        pool,
        _LIST,
        now - ONLINE_WINDOW,
        after,
        wanted.serial_prefix,
        wanted.site,
        wanted.model,
        wanted.state,
        wanted.presence,
        limit,
    )
    return [_summary(row) for row in rows]


async def show_device(pool: asyncpg.Pool, serial: str, now: datetime) -> DeviceSummary:
    """Show one device.

    Raises:
        NotFoundError: no device has this serial.
        StoreUnavailableError: try again later.
    """
    # What cannot be a serial need not be asked for, and may hold what PostgreSQL refuses.
    row = await fetch_row(pool, _SHOW, now - ONLINE_WINDOW, serial) if is_serial(serial) else None
    if row is None:
        raise NotFoundError(f"no device has the serial {serial[:80]!r}")
    return _summary(row)


def _summary(row: asyncpg.Record) -> DeviceSummary:
    state, presence = DeviceState(row["state"]), Presence(row["presence"])
    return DeviceSummary(**{**row, "state": state, "presence": presence})
