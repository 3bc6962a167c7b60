"""A device as the domain sees it, read from its row and written back."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.errors import NotFoundError, RejectedByStoreError
from weir.events.device import DescribedCapabilities, Device, DeviceDescribed
from weir.model.device_state import DeviceState
from weir.model.serial import is_serial
from weir.postgres.pool import Connection

#: Not FOR UPDATE, for which those would wait who insert series of the device meanwhile.
_LOCK = """
    SELECT device_id, device.name, state, is_deleted, model, firmware, sample_rate_hz, boot_id,
           device.entity_version, announced_at, capabilities, time_zone,
           site.slug AS site, organisation.slug AS organisation
    FROM device JOIN site USING (site_id) JOIN organisation USING (org_id)
    WHERE serial = $1 FOR NO KEY UPDATE OF device
    """
_FIND_SITE = """
    SELECT site_id, time_zone FROM site JOIN organisation USING (org_id)
    WHERE organisation.slug = $1 AND site.slug = $2 FOR KEY SHARE OF site
    """
_STORE = """
    UPDATE device
    SET site_id = $2, state = $3, is_deleted = $4, name = $5, boot_id = $6, model = $7,
        firmware = $8, sample_rate_hz = $9, entity_version = $10,
        announced_at = coalesce($11, announced_at), capabilities = $12::jsonb
    WHERE device_id = $1
    """
#: Whoever remembers which devices are let in looks at this.
_ADMIT = "UPDATE admission SET epoch = epoch + 1"
_REQUEST_ROLLUPS = """
    INSERT INTO rollup_request (series_id, reason)
    SELECT series_id, 'time_zone' FROM series WHERE device_id = $1
    """


_NOTHING = DeviceDescribed(model="", firmware="", sample_rate_hz=0.0, fields=())


@dataclass(frozen=True, slots=True)
class LockedDevice:
    """A device whose row is locked; `time_zone` is its site's."""

    device_id: int
    device: Device
    time_zone: str


async def lock_device(connection: Connection, serial: str) -> LockedDevice:
    """Read a device and keep others from changing it until the transaction ends.

    Of its description the fields are left out: those are its series.

    Raises:
        NotFoundError: no device has this serial.
    """
    row = await connection.fetchrow(_LOCK, serial) if is_serial(serial) else None
    if row is None:
        raise NotFoundError(f"no device has the serial {serial[:80]!r}")
    device = Device(
        version=row["entity_version"],
        device_id=row["device_id"],
        organisation=row["organisation"],
        site=row["site"],
        state=DeviceState(row["state"]),
        is_deleted=row["is_deleted"],
        name=row["name"],
        boot_id=row["boot_id"],
        description=_description(row),
    )
    return LockedDevice(row["device_id"], device, row["time_zone"])


async def store_device(
    connection: Connection,
    locked: LockedDevice,
    after: Device,
    announced_at: datetime | None = None,
) -> None:
    """Write what a device has become, and what follows from it; its series are not written.

    Raises:
        RejectedByStoreError: there is no such site.
    """
    site = await connection.fetchrow(_FIND_SITE, after.organisation, after.site)
    if site is None:
        raise RejectedByStoreError(f"there is no site {after.site!r}")
    described = after.description
    await connection.execute(
        _STORE,
        locked.device_id,
        site["site_id"],
        after.state,
        after.is_deleted,
        after.name,
        after.boot_id,
        described.model if described else "",
        described.firmware if described else "",
        described.sample_rate_hz if described else 0.0,
        after.version,
        announced_at,
        (described or _NOTHING).capabilities.model_dump_json(),
    )
    if site["time_zone"] != locked.time_zone:
        await connection.execute(_REQUEST_ROLLUPS, locked.device_id)
    before = locked.device
    if (before.state, before.is_deleted) != (after.state, after.is_deleted):
        await connection.execute(_ADMIT)


def _description(row: asyncpg.Record) -> DeviceDescribed | None:
    described = DeviceDescribed(
        model=row["model"],
        firmware=row["firmware"],
        sample_rate_hz=row["sample_rate_hz"],
        fields=(),
        capabilities=DescribedCapabilities.model_validate_json(row["capabilities"]),
    )
    is_empty = described == _NOTHING and row["announced_at"] is None
    return None if is_empty else described
