"""Enrol serials that were never seen, and keep those aside that an operator does not let in."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg

from weir.errors import (
    HELD_BACK_REASONS,
    ConflictError,
    DeviceDeletedError,
    DeviceDisabledError,
    HeldBackError,
    NotApprovedError,
    RefusedItemsError,
)
from weir.events.device import ENTITY, DeviceEnrolled
from weir.events.event import Author, JournalEntry, entries_of
from weir.model.device_state import DeviceState
from weir.model.site import DEFAULT_ORGANISATION, UNASSIGNED_SITE
from weir.ports import DeadLetter
from weir.postgres import journal
from weir.postgres.errors import translated
from weir.postgres.pool import Connection, transaction

#: Serials known to be let in, about 100 bytes each; beyond it all are asked for again.
ADMITTED_CACHED_MAX = 400_000
#: How long what a device sends may still be stored after it was disabled or deleted.
ADMITTED_AGE_MAX_S = 1.0

_ENROL = """
    INSERT INTO device (serial, site_id, state)
    SELECT serial, site.site_id, $3 FROM unnest($1::text[]) AS serial, site
    JOIN organisation USING (org_id)
    WHERE site.slug = $2 AND organisation.slug = $4
      AND NOT EXISTS (SELECT FROM device WHERE device.serial = serial.serial)
    ORDER BY serial
    ON CONFLICT (serial) DO NOTHING
    RETURNING serial, device_id, state
    """
#: As the index `device_held` has it.
_HELD = """
    SELECT serial, state, is_deleted FROM device
    WHERE serial = ANY($1::text[]) AND (state <> 'active' OR is_deleted)
    """
#: Whoever lets a device in waits for those who set aside what it sent, and then finds that.
_LOCK_HELD = f"{_HELD} ORDER BY serial FOR SHARE"
_EPOCH = "SELECT epoch FROM admission"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device that was just made."""

    serial: str
    device_id: int
    is_pending: bool


async def enrol(
    connection: Connection, serials: Sequence[str], *, pending: bool = False
) -> list[Enrolled]:
    """Make devices of the serials that are none yet, in the caller's transaction; gives those.

    `serials`: sorted, so that two writers never wait for each other in a circle.
    """
    state = DeviceState.PENDING if pending else DeviceState.ACTIVE
    rows = await connection.fetch(_ENROL, serials, UNASSIGNED_SITE, state, DEFAULT_ORGANISATION)
    return [Enrolled(row["serial"], row["device_id"], pending) for row in rows]


def enrolments(enrolled: Iterable[Enrolled]) -> list[JournalEntry]:
    """Give the journal's entries for what `enrol` has made."""
    entries: list[JournalEntry] = []
    for new in enrolled:
        event = DeviceEnrolled(
            serial=new.serial,
            site=UNASSIGNED_SITE,
            is_pending=new.is_pending,
            device_id=new.device_id,
        )
        entries += entries_of(ENTITY, new.serial, 0, [event], Author(new.serial))
    return entries


async def hold_back(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """See to it that no device is let in while what it sent is being set aside.

    Raises:
        ConflictError: one has been let in already: read its messages again.
    """
    serials = {letter.serial for letter in letters if letter.reason in HELD_BACK_REASONS}
    if serials:
        rows = await connection.fetch(_LOCK_HELD, sorted(filter(None, serials)))
        if len(rows) != len(serials):
            raise ConflictError("a device was let in while its messages were set aside")


class Admission:
    """Lets in what may come in: no device that waits for approval, is disabled or deleted.

    Those that may are remembered; one row, looked at now and then, tells when that is out of date.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        *,
        needs_approval: bool = False,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._needs_approval = needs_approval
        self._monotonic_s = monotonic_s
        self._admitted: set[str] = set()
        self._epoch = -1
        self._looked_at_s = -ADMITTED_AGE_MAX_S

    async def check(self, serials: Sequence[str]) -> None:
        """Return when all devices are let in; enrols new ones where they have to wait.

        Raises:
            RefusedItemsError: these are not, by their index in `serials`.
            StoreUnavailableError: try again later.
        """
        await self._look()
        if self._admitted.issuperset(serials):
            return
        unknown = sorted(set(serials) - self._admitted)
        held = await self._find_held(unknown)
        if len(self._admitted) > ADMITTED_CACHED_MAX:
            self._admitted.clear()
        self._admitted.update(serial for serial in unknown if serial not in held)
        if held:
            errors = {index: held[serial] for index, serial in enumerate(serials) if serial in held}
            raise RefusedItemsError(errors, held.keys())

    async def _look(self) -> None:
        """Forget who is let in when that has changed."""
        now_s = self._monotonic_s()
        if now_s - self._looked_at_s < ADMITTED_AGE_MAX_S:
            return
        with translated():
            epoch = await self._pool.fetchval(_EPOCH)
        self._looked_at_s = now_s
        if epoch != self._epoch:
            # Read before the devices are: whatever changes from now on shows in a later epoch.
            self._epoch = epoch
            self._admitted.clear()

    async def _find_held(self, serials: Sequence[str]) -> Mapping[str, HeldBackError]:
        if not self._needs_approval:
            with translated():
                rows = await self._pool.fetch(_HELD, serials)
            return {row["serial"]: _error(row) for row in rows}
        async with transaction(self._pool) as connection:
            enrolled = await enrol(connection, serials, pending=True)
            rows = await connection.fetch(_HELD, serials)
            await journal.append(connection, enrolments(enrolled))
        return {row["serial"]: _error(row) for row in rows}


def _error(row: asyncpg.Record) -> HeldBackError:
    serial = row["serial"]
    if row["is_deleted"]:
        return DeviceDeletedError(f"{serial} is deleted")
    if row["state"] == DeviceState.DISABLED:
        return DeviceDisabledError(f"{serial} is disabled")
    return NotApprovedError(f"{serial} waits for approval")
