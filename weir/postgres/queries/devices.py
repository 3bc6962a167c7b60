"""Which devices there are, where they belong, and how recently they were heard of."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.errors import NotFoundError
from weir.model.device_state import DeviceState
from weir.model.presence import Presence
from weir.model.serial import is_serial
from weir.postgres.queries._read import fetch, fetch_row


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices to list; None: whatever.

    `site`: the slug of a site. `state`: None: all but those that are deleted. `field`: one that
    they measure. `search`: anywhere in serial, name or model, in whatever case.
    """

    site: str | None = None
    model: str | None = None
    state: DeviceState | None = None
    presence: Presence | None = None
    field: str | None = None
    search: str = ""


@dataclass(frozen=True, slots=True)
class DeviceSummary:
    """One device of a list; `model` and `firmware` are empty until it has announced itself.

    `presence_reason`: how that is known, `presence_changed_at`: since when. `last_seen_at`: when
    the broker last had something of it. `last_observed_at`: the device's own time of its newest
    reading then.
    """

    serial: str
    name: str
    organisation: str
    site: str
    model: str
    firmware: str
    sample_rate_hz: float
    state: DeviceState
    presence: Presence
    presence_reason: str | None
    presence_changed_at: datetime | None
    enrolled_at: datetime
    announced_at: datetime | None
    last_seen_at: datetime | None
    last_observed_at: datetime | None
    version: int


_SUMMARY = """
    SELECT serial, device.name, organisation.slug AS organisation, site.slug AS site, model,
           firmware, sample_rate_hz, CASE WHEN is_deleted THEN 'deleted' ELSE state END AS state,
           enrolled_at, announced_at, last_seen_at, last_observed_at,
           device.entity_version AS version, device_id,
           CASE WHEN is_online THEN 'online'
                WHEN is_online IS NULL AND last_seen_at IS NULL THEN 'never_seen'
                ELSE 'offline' END AS presence,
           presence.reason AS presence_reason, presence.changed_at AS presence_changed_at
    FROM device JOIN site USING (site_id) JOIN organisation USING (org_id)
    LEFT JOIN device_activity USING (device_id)
    LEFT JOIN device_presence AS presence USING (device_id)
    """
_LIST = f"""
    SELECT * FROM ({_SUMMARY}) AS summary
    WHERE serial > $1
      AND strpos(lower(concat_ws(E'\n', serial, name, model)), lower($2)) > 0
      AND ($3::text IS NULL OR site = $3)
      AND ($4::text IS NULL OR model = $4)
      AND state = coalesce($5, state) AND (state <> 'deleted' OR $5 IS NOT NULL)
      AND ($6::text IS NULL OR presence = $6)
      AND ($7::text IS NULL
           OR EXISTS (SELECT FROM series
                      WHERE series.device_id = summary.device_id AND series.field = $7))
    ORDER BY serial LIMIT $8
    """  # noqa: S608 - only constants are put together
_SHOW = f"{_SUMMARY} WHERE serial = $1"


async def list_devices(
    pool: asyncpg.Pool, wanted: DeviceFilter, *, after: str, limit: int
) -> list[DeviceSummary]:
    """List devices by serial, those behind the serial `after`; at most `limit`.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(
        pool,
        _LIST,
        after,
        wanted.search,
        wanted.site,
        wanted.model,
        wanted.state,
        wanted.presence,
        wanted.field,
        limit,
    )
    return [_summary(row) for row in rows]


async def show_device(pool: asyncpg.Pool, serial: str) -> DeviceSummary:
    """Show one device.

    Raises:
        NotFoundError: no device has this serial.
        StoreUnavailableError: try again later.
    """
    # What cannot be a serial need not be asked for, and may hold what PostgreSQL refuses.
    row = await fetch_row(pool, _SHOW, serial) if is_serial(serial) else None
    if row is None:
        raise NotFoundError(f"no device has the serial {serial[:80]!r}")
    return _summary(row)


def _summary(row: asyncpg.Record) -> DeviceSummary:
    state, presence = DeviceState(row["state"]), Presence(row["presence"])
    told = {name: value for name, value in row.items() if name != "device_id"}
    return DeviceSummary(**{**told, "state": state, "presence": presence})
