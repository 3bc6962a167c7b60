"""Enrol serials that were never seen, and keep those aside that wait for approval."""

from collections.abc import Iterable, Sequence

import asyncpg

from weir.errors import ConflictError, NotApprovedError, NotFoundError, RefusedItemsError
from weir.events.device import ENTITY, DeviceApproved, DeviceEnrolled
from weir.events.event import JournalEntry
from weir.ports import DeadLetter
from weir.postgres import journal
from weir.postgres.pool import Connection, transaction

#: Where devices land that nobody has assigned; made by the first migration.
UNASSIGNED_SITE = "unassigned"
#: Serials known to be let in, about 100 bytes each; beyond it all are asked for again.
ADMITTED_CACHED_MAX = 400_000

_ENROL = """
    INSERT INTO device (serial, site_id, state)
    SELECT serial, site.site_id, $3 FROM unnest($1::text[]) AS serial, site
    JOIN organisation USING (org_id)
    WHERE site.slug = $2 AND organisation.slug = 'default'
      AND NOT EXISTS (SELECT FROM device WHERE device.serial = serial.serial)
    ORDER BY serial
    ON CONFLICT (serial) DO NOTHING
    RETURNING serial, state
    """
_PENDING = "SELECT serial FROM device WHERE serial = ANY($1::text[]) AND state = 'pending'"
#: An approval waits for whoever is setting aside what the device sent, and then finds it.
_LOCK_PENDING = f"{_PENDING} ORDER BY serial FOR SHARE"
_APPROVE = """
    UPDATE device SET state = 'active', entity_version = entity_version + 1
    WHERE serial = $1 AND state = 'pending' RETURNING entity_version
    """


async def enrol(
    connection: Connection, serials: Sequence[str], *, pending: bool = False
) -> list[tuple[str, bool]]:
    """Make devices of the serials that are none yet, in the caller's transaction.

    Gives (serial, is_pending) of each that is new. `serials`: sorted, so that two writers never
    wait for each other in a circle.
    """
    state = "pending" if pending else "active"
    rows = await connection.fetch(_ENROL, serials, UNASSIGNED_SITE, state)
    return [(row["serial"], row["state"] == "pending") for row in rows]


def enrolments(enrolled: Iterable[tuple[str, bool]]) -> list[JournalEntry]:
    """Give the journal's entries for what `enrol` has made."""
    entries = []
    for serial, is_pending in enrolled:
        event = DeviceEnrolled(serial=serial, site=UNASSIGNED_SITE, is_pending=is_pending)
        entries.append(JournalEntry(ENTITY, serial, 1, event, serial))
    return entries


async def approve(pool: asyncpg.Pool, serial: str, actor: str) -> bool:
    """Let a waiting device in; False when it was in already.

    What it sent meanwhile is kept as dead letters with the reason `not_approved`: when this
    returns, all of them can be seen and replayed.

    Raises:
        NotFoundError: there is no such device.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        version = await connection.fetchval(_APPROVE, serial)
        if version is not None:
            await journal.append(
                connection, [JournalEntry(ENTITY, serial, version, DeviceApproved(), actor)]
            )
            return True
        if await connection.fetchval("SELECT 1 FROM device WHERE serial = $1", serial) is None:
            raise NotFoundError(f"there is no device {serial}")
    return False


async def hold_back(connection: Connection, letters: Sequence[DeadLetter]) -> None:
    """See to it that no device is approved while what it sent is being set aside.

    Raises:
        ConflictError: one has been approved already: read its messages again.
    """
    serials = {letter.serial for letter in letters if letter.reason == NotApprovedError.reason}
    if serials:
        rows = await connection.fetch(_LOCK_PENDING, sorted(filter(None, serials)))
        if len(rows) != len(serials):
            raise ConflictError("a device was approved while its messages were set aside")


class Admission:
    """Lets no device in that an operator has not approved; enrols new ones as waiting."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._admitted: set[str] = set()

    async def check(self, serials: Sequence[str]) -> None:
        """Return when all devices are let in.

        Raises:
            RefusedItemsError: these are not, by their index in `serials`.
            StoreUnavailableError: try again later.
        """
        unknown = sorted(set(serials) - self._admitted)
        if not unknown:
            return
        async with transaction(self._pool) as connection:
            enrolled = await enrol(connection, unknown, pending=True)
            rows = await connection.fetch(_PENDING, unknown)
            await journal.append(connection, enrolments(enrolled))
        waiting = {row["serial"] for row in rows}
        if len(self._admitted) > ADMITTED_CACHED_MAX:
            self._admitted.clear()
        self._admitted.update(serial for serial in unknown if serial not in waiting)
        if waiting:
            raise RefusedItemsError(
                {
                    index: NotApprovedError(f"{serial} waits for approval")
                    for index, serial in enumerate(serials)
                    if serial in waiting
                }
            )
