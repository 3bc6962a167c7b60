"""The registry of devices: enrolment, announcements, and the integers that stand for series."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from weir.errors import RejectedByStoreError
from weir.events.device import (
    ENTITY,
    DescribedField,
    Device,
    DeviceDescribed,
    evolve,
)
from weir.events.device_commands import Announce, decide
from weir.events.event import JournalEntry
from weir.model.announcement import Announcement
from weir.postgres import journal
from weir.postgres.enrolment import enrol, enrolments
from weir.postgres.pool import Connection, transaction

_RESOLVE_DEVICES = "SELECT serial, device_id FROM device WHERE serial = ANY($1::text[])"
_ADD_SERIES = """
    INSERT INTO series (device_id, field, unit)
    SELECT device_id, wanted.field, wanted.unit
    FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (serial, field, unit)
    JOIN device USING (serial)
    WHERE NOT EXISTS (SELECT FROM series AS s
                      WHERE s.device_id = device.device_id AND s.field = wanted.field)
    ORDER BY device_id, wanted.field
    ON CONFLICT (device_id, field) DO NOTHING
    """
_RESOLVE = """
    SELECT wanted.serial, wanted.field, device_id, series_id
    FROM unnest($1::text[], $2::text[]) AS wanted (serial, field)
    JOIN device USING (serial) JOIN series USING (device_id, field)
    """
_LOCK_DEVICE = """
    SELECT device_id, model, firmware, sample_rate_hz, boot_id, device.entity_version, announced_at,
           site.slug AS site
    FROM device JOIN site USING (site_id) WHERE serial = $1 FOR UPDATE OF device
    """
_KNOWN_FIELDS = """
    SELECT field AS name, unit, description, kind FROM series WHERE device_id = $1
    """
_DESCRIBE = """
    UPDATE device SET model = $2, firmware = $3, sample_rate_hz = $4, boot_id = $5,
                      entity_version = $6, announced_at = $7
    WHERE device_id = $1
    """
_DESCRIBE_SERIES = """
    INSERT INTO series (device_id, field, unit, description, kind)
    SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[])
        AS described (field, unit, description, kind)
    ORDER BY field
    ON CONFLICT (device_id, field) DO UPDATE
    SET unit = excluded.unit, description = excluded.description, kind = excluded.kind
    """


class PostgresDeviceStore:
    """Devices and their series in the tables `device` and `series`."""

    def __init__(self, pool: asyncpg.Pool, *, needs_approval: bool = False) -> None:
        self._pool = pool
        self._needs_approval = needs_approval

    async def announce(self, announcement: Announcement, received_at: datetime) -> bool:
        """Enrol or update a device; safe to repeat. True when it was new.

        Raises:
            StoreUnavailableError: try again later.
        """
        async with transaction(self._pool) as connection:
            enrolled = await enrol(connection, [announcement.serial], pending=self._needs_approval)
            row = await connection.fetchrow(_LOCK_DEVICE, announcement.serial)
            if row is None:
                raise RejectedByStoreError(f"{announcement.serial} could not be enrolled")
            before = await _load(connection, row, announcement)
            events = decide(before, Announce(announcement))
            after = before
            entries = []
            for event in events:
                after = evolve(after, event)
                entries.append(
                    JournalEntry(
                        ENTITY, announcement.serial, after.version, event, announcement.serial
                    )
                )
            await _store(connection, row["device_id"], after, received_at)
            await journal.append(connection, [*enrolments(enrolled), *entries])
        return bool(enrolled)


async def resolve_series(
    pool: asyncpg.Pool, wanted: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Give (device_id, series_id) for each (serial, field, unit), enrolling what is new.

    Runs in a transaction of its own: what it made stays when the caller's fails.

    Raises:
        StoreUnavailableError: try again later.
    """
    serials = [serial for serial, _, _ in wanted]
    fields = [field for _, field, _ in wanted]
    async with transaction(pool) as connection:
        enrolled = await enrol(connection, sorted(set(serials)))
        await connection.execute(_ADD_SERIES, serials, fields, [unit for *_, unit in wanted])
        rows = await connection.fetch(_RESOLVE, serials, fields)
        await journal.append(connection, enrolments(enrolled))
    return {(row["serial"], row["field"]): (row["device_id"], row["series_id"]) for row in rows}


async def resolve_devices(pool: asyncpg.Pool, serials: Sequence[str]) -> dict[str, int]:
    """Give the device_id of each serial, enrolling what is new, in a transaction of its own.

    Raises:
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        enrolled = await enrol(connection, sorted(serials))
        rows = await connection.fetch(_RESOLVE_DEVICES, serials)
        await journal.append(connection, enrolments(enrolled))
    return {row["serial"]: row["device_id"] for row in rows}


async def _load(connection: Connection, row: asyncpg.Record, announcement: Announcement) -> Device:
    """Read the device back from its row; of its series, those that the announcement speaks of."""
    if row["announced_at"] is None:
        return Device(row["entity_version"], site=row["site"])
    known = {
        field["name"]: field for field in await connection.fetch(_KNOWN_FIELDS, row["device_id"])
    }
    described = DeviceDescribed(
        model=row["model"],
        firmware=row["firmware"],
        sample_rate_hz=row["sample_rate_hz"],
        fields=tuple(
            DescribedField.model_validate(dict(known[field.name]))
            for field in announcement.fields
            if field.name in known
        ),
    )
    return Device(
        row["entity_version"], site=row["site"], boot_id=row["boot_id"], description=described
    )


async def _store(
    connection: Connection, device_id: int, device: Device, received_at: datetime
) -> None:
    description = device.description
    if description is None:
        return
    await connection.execute(
        _DESCRIBE,
        device_id,
        description.model,
        description.firmware,
        description.sample_rate_hz,
        device.boot_id,
        device.version,
        received_at,
    )
    await connection.execute(
        _DESCRIBE_SERIES,
        device_id,
        [field.name for field in description.fields],
        [field.unit for field in description.fields],
        [field.description for field in description.fields],
        [field.kind.value for field in description.fields],
    )
