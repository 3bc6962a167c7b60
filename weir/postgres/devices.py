"""The registry of devices: enrolment, announcements, and the integers that stand for series."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import asyncpg

from weir.errors import DeviceDeletedError, DeviceDisabledError
from weir.events import series as series_events
from weir.events.device import ENTITY, DescribedField, Device, evolve
from weir.events.device_commands import Announce, decide
from weir.events.event import Author, JournalEntry, entries_of
from weir.events.series import Announced, Describe, Series
from weir.model.announcement import Announcement
from weir.model.device_state import DeviceState
from weir.postgres import journal
from weir.postgres.activity import note_seen
from weir.postgres.device_state import lock_device, store_device
from weir.postgres.enrolment import enrol, enrolments
from weir.postgres.pool import Connection, transaction
from weir.postgres.series_state import NewSeries, create_series, lock_series, store_series

_RESOLVE_DEVICES = "SELECT serial, device_id FROM device WHERE serial = ANY($1::text[])"
_RESOLVE = """
    SELECT wanted.serial, wanted.field, device_id, series_id
    FROM unnest($1::text[], $2::text[]) AS wanted (serial, field)
    JOIN device USING (serial) JOIN series USING (device_id, field)
    """


class PostgresDeviceStore:
    """Devices and their series in the tables `device` and `series`."""

    def __init__(self, pool: asyncpg.Pool, *, needs_approval: bool = False) -> None:
        self._pool = pool
        self._needs_approval = needs_approval

    async def announce(self, announcement: Announcement, received_at: datetime) -> bool:
        """Enrol or update a device; safe to repeat. True when it was new.

        Raises:
            DeviceDisabledError: an operator has shut the device out.
            DeviceDeletedError: an operator has deleted the device.
            StoreUnavailableError: try again later.
        """
        serial = announcement.serial
        async with transaction(self._pool) as connection:
            enrolled = await enrol(connection, [serial], pending=self._needs_approval)
            locked = await lock_device(connection, serial)
            _refuse_shut_out(serial, locked.device)
            fields = [field.name for field in announcement.fields]
            known = await lock_series(connection, locked.device_id, fields)
            created = await create_series(connection, _series_of(announcement))
            events = decide(_with_fields(locked.device, known, fields), Announce(announcement))
            after = locked.device
            for event in events:
                after = evolve(after, event)
            await store_device(connection, locked, after, received_at)
            await note_seen(connection, locked.device_id, received_at)
            # Once more: somebody may have made one of them meanwhile.
            present = await lock_series(connection, locked.device_id, fields)
            described = await _describe(connection, announcement, present)
            entries = entries_of(ENTITY, serial, locked.device.version, events, Author(serial))
            await journal.append(
                connection, [*enrolments(enrolled), *entries, *created, *described]
            )
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
        created = await create_series(
            connection, [NewSeries(serial, field, unit) for serial, field, unit in wanted]
        )
        rows = await connection.fetch(_RESOLVE, serials, fields)
        await journal.append(connection, [*enrolments(enrolled), *created])
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


def _refuse_shut_out(serial: str, device: Device) -> None:
    # What one that waits for approval says of itself is what the operator wants to know.
    if device.is_deleted:
        raise DeviceDeletedError(f"{serial} is deleted")
    if device.state is DeviceState.DISABLED:
        raise DeviceDisabledError(f"{serial} is disabled")


def _series_of(announcement: Announcement) -> list[NewSeries]:
    return [
        NewSeries(announcement.serial, field.name, field.unit, field.description, field.kind)
        for field in announcement.fields
    ]


def _with_fields(device: Device, known: Mapping[str, Series], fields: Sequence[str]) -> Device:
    """Put what was known of the announced `fields` into the device's description."""
    if device.description is None:
        return device
    described = tuple(
        DescribedField(
            name=name,
            unit=known[name].announced.unit,
            description=known[name].announced.description,
            kind=known[name].announced.kind,
        )
        for name in fields
        if name in known
    )
    return replace(device, description=device.description.model_copy(update={"fields": described}))


async def _describe(
    connection: Connection, announcement: Announcement, known: Mapping[str, Series]
) -> list[JournalEntry]:
    """Update the series that the device now describes otherwise; gives what to journal."""
    entries: list[JournalEntry] = []
    for field in announcement.fields:
        before = after = known[field.name]
        announced = Announced(field.unit, field.description, field.kind)
        events = series_events.decide(before, Describe(announced))
        for event in events:
            after = series_events.evolve(after, event)
        if events:
            await store_series(connection, before, after)
            name = series_events.entity_id(announcement.serial, field.name)
            author = Author(announcement.serial)
            entries += entries_of(series_events.ENTITY, name, before.version, events, author)
    return entries
