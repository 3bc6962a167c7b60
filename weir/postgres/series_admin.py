"""Change what a series is, as an operator says."""

import asyncpg

from weir.errors import NotFoundError
from weir.events.event import Author, entries_of
from weir.events.series import ENTITY, Change, Series, decide, entity_id, evolve
from weir.postgres import journal
from weir.postgres.device_changes import CheckVersion
from weir.postgres.device_state import lock_device
from weir.postgres.pool import transaction
from weir.postgres.series_state import lock_series, store_series


async def change_series(
    pool: asyncpg.Pool,
    name: tuple[str, str],
    change: Change,
    author: Author,
    check: CheckVersion | None = None,
) -> Series:
    """Change one series, named by (serial, field), in one transaction with the journal.

    Raises:
        NotFoundError: no such device, or the device never had this field.
        StoreUnavailableError: try again later.
    """
    serial, field = name
    async with transaction(pool) as connection:
        # First, as everybody does who takes both.
        locked = await lock_device(connection, serial)
        found = await lock_series(connection, locked.device_id, [field])
        if field not in found:
            raise NotFoundError(f"device {serial} has no field {field[:200]!r}")
        before = after = found[field]
        if check is not None:
            check(before.version)
        events = decide(before, change)
        for event in events:
            after = evolve(after, event)
        if events:
            await store_series(connection, before, after)
            entries = entries_of(ENTITY, entity_id(serial, field), before.version, events, author)
            await journal.append(connection, entries)
    return after
