"""Change a device as an operator asks, where its state allows it."""

from collections.abc import Callable, Sequence

import asyncpg

from weir.errors import ConflictError
from weir.events.device import ENTITY, Device, evolve
from weir.events.device_commands import Command, decide
from weir.events.event import Author, DomainEvent, entries_of
from weir.postgres import journal
from weir.postgres.device_state import lock_device, store_device
from weir.postgres.pool import transaction

#: Refuses a version that the caller has not seen, by raising.
CheckVersion = Callable[[int], object]


async def change_device(
    pool: asyncpg.Pool,
    serial: str,
    commands: Sequence[Command],
    author: Author,
    check: CheckVersion | None = None,
) -> tuple[Device, bool]:
    """Do all commands, in one transaction with the journal, or none.

    Gives the device as it is then, and whether anything has changed.

    Raises:
        NotFoundError: no device has this serial.
        ConflictError: the device is in a state that does not allow one of them.
        RejectedByStoreError: there is no such site.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        locked = await lock_device(connection, serial)
        if check is not None:
            check(locked.device.version)
        try:
            events, after = _decided(locked.device, commands)
        except ConflictError as error:
            raise ConflictError(f"{serial}: {error}") from error
        if events:
            await store_device(connection, locked, after)
            entries = entries_of(ENTITY, serial, locked.device.version, events, author)
            await journal.append(connection, entries)
    return after, bool(events)


def _decided(device: Device, commands: Sequence[Command]) -> tuple[list[DomainEvent], Device]:
    events: list[DomainEvent] = []
    for command in commands:
        for event in decide(device, command):
            device = evolve(device, event)
            events.append(event)
    return events, device
