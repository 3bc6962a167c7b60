"""Whether devices are there: what they say and are silent about, as rows and events.

Whoever changes the presence of a device holds one advisory lock until its transaction ends: a state
that has just come and the search for those that are silent take turns.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from weir.errors import RejectedByStoreError
from weir.events import presence as events
from weir.events.event import Author, JournalEntry, entries_of
from weir.events.presence import DevicePresence
from weir.model.configuration import StateReport
from weir.model.presence import (
    AFTERGLOW,
    SILENCE_FACTOR,
    SILENCE_MIN,
    Link,
    OfflineReason,
    OnlineReason,
    Patience,
    Presence,
    Sign,
    Watch,
    after_report,
    has_come,
    has_left,
)
from weir.postgres import journal
from weir.postgres.activity import note_seen
from weir.postgres.enrolment import enrol, enrolments
from weir.postgres.pool import Connection, transaction
from weir.postgres.queries._read import fetch, fetch_row
from weir.postgres.queries.arrivals import stored_offsets

#: Devices that change in one transaction.
CHANGED_AT_ONCE_MAX = 1_000
#: What nobody else did: the absence of a message has no author.
AUTHOR = "weir"

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('weir.presence', 0))"
_SIGNS = """
    SELECT device_id, serial, report_interval_ms, last_seen_at, connected_at, connected_boot,
           connected_clock, left_at, left_reason, is_online, reason, changed_at, budget,
           presence.entity_version AS version
    FROM device
    LEFT JOIN device_activity USING (device_id)
    LEFT JOIN device_link USING (device_id)
    LEFT JOIN device_presence AS presence USING (device_id)
    """
_ONE = f"{_SIGNS} WHERE serial = $1"
#: Wider than `has_come` and `has_left`, which look closer.
_ALLOWED = f"""
    CASE report_interval_ms WHEN 0 THEN $2::interval
    ELSE greatest(report_interval_ms * {SILENCE_FACTOR} * interval '1 millisecond',
                  interval '{SILENCE_MIN.total_seconds():.0f} seconds') END
    """
_COME_WHERE = f"""
    NOT is_deleted AND is_online IS NOT TRUE
    AND greatest(last_seen_at, connected_at) >= $1::timestamptz - {_ALLOWED}
    """
_LEFT_WHERE = f"""
    NOT is_deleted AND is_online
    AND (left_at + interval '{AFTERGLOW.total_seconds():.0f} seconds'
             >= coalesce(last_seen_at, left_at)
         OR greatest(last_seen_at, connected_at) < $1::timestamptz - {_ALLOWED})
    """
_PAGE = " AND device_id > $3 ORDER BY device_id LIMIT $4"
_COME = f"{_SIGNS} WHERE {_COME_WHERE} {_PAGE}"
_LEFT = f"{_SIGNS} WHERE {_LEFT_WHERE} {_PAGE}"
_HAS_LEFT = f"SELECT EXISTS ({_SIGNS} WHERE {_LEFT_WHERE}) AS has_left"
_STORE_LINK = """
    INSERT INTO device_link (device_id, connected_at, connected_boot, connected_clock, left_at,
                             left_reason)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (device_id) DO UPDATE
    SET (connected_at, connected_boot, connected_clock, left_at, left_reason) = ($2, $3, $4, $5, $6)
    """
_STORE = """
    INSERT INTO device_presence AS presence
           (device_id, is_online, reason, changed_at, budget, entity_version)
    SELECT * FROM unnest($1::integer[], $2::boolean[], $3::text[], $4::timestamptz[],
                         $5::double precision[], $6::bigint[])
    ON CONFLICT (device_id) DO UPDATE
    SET (is_online, reason, changed_at, budget, entity_version)
      = (excluded.is_online, excluded.reason, excluded.changed_at, excluded.budget,
         excluded.entity_version)
    """
_COUNT = """
    SELECT count(*) FILTER (WHERE is_online) AS online,
           count(*) FILTER (WHERE coalesce(is_online, last_seen_at IS NULL) = false) AS offline,
           count(*) FILTER (WHERE is_online IS NULL AND last_seen_at IS NULL) AS never_seen
    FROM device LEFT JOIN device_presence USING (device_id)
    LEFT JOIN device_activity USING (device_id) WHERE NOT is_deleted
    """

Found = OnlineReason | OfflineReason | None


@dataclass(frozen=True, slots=True)
class _Device:
    """A device, what is to be seen of it, and what the journal says."""

    device_id: int
    serial: str
    sign: Sign
    presence: DevicePresence


class PostgresPresenceStore:
    """Presence in the tables `device_presence`, `device_link` and `device_activity`."""

    def __init__(
        self, pool: asyncpg.Pool, patience: Patience, *, needs_approval: bool = False
    ) -> None:
        self._pool = pool
        self._patience = patience
        self._needs_approval = needs_approval

    async def note_state(self, serial: str, report: StateReport, received_at: datetime) -> None:
        """Take note of what a device says of itself; safe to repeat.

        One that was never seen is enrolled. A last will is only noted: `find_left` decides.

        Raises:
            RejectedByStoreError: it could not be enrolled.
            StoreUnavailableError: try again later.
        """
        async with transaction(self._pool) as connection:
            await connection.execute(_LOCK)
            enrolled = await enrol(connection, [serial], pending=self._needs_approval)
            before = await _read(connection, serial)
            link = after_report(before.sign.link, report, received_at)
            if link != before.sign.link:
                await _store_link(connection, before.device_id, link)
            if report.is_online is not False:
                await note_seen(connection, before.device_id, received_at)
            found = self._found(await _read(connection, serial), received_at)
            changed = await _change(connection, [(before, found)], received_at)
            await journal.append(connection, [*enrolments(enrolled), *changed])

    async def find_come(self, now: datetime) -> int:
        """Note those that were heard of and were not there before; gives how many.

        Raises:
            StoreUnavailableError: try again later.
        """
        return await self._find(_COME, now, lambda sign: has_come(sign, now, self._patience))

    async def find_left(self, watch: Watch) -> int:
        """Note those that are gone, or silent for too long; gives how many.

        Raises:
            StoreUnavailableError: try again later.
        """
        return await self._find(
            _LEFT, watch.until, lambda sign: has_left(sign, watch, self._patience)
        )

    async def may_have_left(self, now: datetime) -> bool:
        """Tell whether there is anything for `find_left` to look at.

        Raises:
            StoreUnavailableError: try again later.
        """
        row = await fetch_row(self._pool, _HAS_LEFT, now, self._patience.silence)
        return bool(row and row["has_left"])

    async def count(self) -> Mapping[Presence, int]:
        """Count the devices by whether they are there.

        Raises:
            StoreUnavailableError: try again later.
        """
        (row,) = await fetch(self._pool, _COUNT)
        return {presence: row[presence] for presence in Presence}

    async def stored_offsets(self) -> Mapping[str, int]:
        """Tell of each measurement stream up to which offset it is stored.

        Raises:
            StoreUnavailableError: try again later.
        """
        return await stored_offsets(self._pool)

    async def _find(self, query: str, at: datetime, look: Callable[[Sign], Found]) -> int:
        changed_count, after = 0, 0
        while True:
            async with transaction(self._pool) as connection:
                await connection.execute(_LOCK)
                rows = await connection.fetch(
                    query, at, self._patience.silence, after, CHANGED_AT_ONCE_MAX
                )
                found = [(device, look(device.sign)) for device in map(_device, rows)]
                entries = await _change(connection, found, at)
                await journal.append(connection, entries)
            changed_count += len(entries)
            if len(rows) < CHANGED_AT_ONCE_MAX:
                return changed_count
            after = rows[-1]["device_id"]

    def _found(self, device: _Device, now: datetime) -> Found:
        """Tell what one state says at once: that it is there, or that it is gone on purpose."""
        if device.sign.link.left_reason is OfflineReason.FAREWELL:
            return has_left(device.sign, Watch(now, now), self._patience)
        return has_come(device.sign, now, self._patience)


async def _change(
    connection: Connection, found: Sequence[tuple[_Device, Found]], now: datetime
) -> list[JournalEntry]:
    """Write what devices have become; gives what to journal."""
    entries: list[JournalEntry] = []
    rows: list[tuple[Any, ...]] = []
    for device, reason in found:
        if reason is None:
            continue
        heard_at = device.sign.heard_at
        decided = events.decide(device.presence, reason, now, heard_at)
        after = device.presence
        for event in decided:
            after = events.evolve(after, event)
        if decided:
            is_own = isinstance(reason, OnlineReason) or reason is OfflineReason.FAREWELL
            author = Author(device.serial if is_own else AUTHOR)
            entries += entries_of(
                events.ENTITY, device.serial, device.presence.version, decided, author
            )
            rows.append(
                (
                    device.device_id,
                    after.is_online,
                    after.reason,
                    after.changed_at,
                    after.budget,
                    after.version,
                )
            )
    if rows:
        await connection.execute(_STORE, *zip(*rows, strict=True))
    return entries


async def _store_link(connection: Connection, device_id: int, link: Link) -> None:
    await connection.execute(
        _STORE_LINK,
        device_id,
        link.connected_at,
        link.connected_boot,
        link.connected_clock,
        link.left_at,
        link.left_reason,
    )


async def _read(connection: Connection, serial: str) -> _Device:
    row = await connection.fetchrow(_ONE, serial)
    if row is None:
        raise RejectedByStoreError(f"{serial} could not be enrolled")
    return _device(row)


def _device(row: asyncpg.Record) -> _Device:
    left_reason = row["left_reason"]
    link = Link(
        row["connected_at"],
        row["connected_boot"] or 0,
        row["connected_clock"],
        row["left_at"],
        left_reason and OfflineReason(left_reason),
    )
    presence = DevicePresence()
    if row["version"] is not None:
        presence = DevicePresence(
            row["version"], row["is_online"], row["reason"], row["changed_at"], row["budget"]
        )
    sign = Sign(link, row["last_seen_at"], row["report_interval_ms"])
    return _Device(row["device_id"], row["serial"], sign, presence)
