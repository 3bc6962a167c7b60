"""Two editors at once: nobody overwrites a change that they have not seen."""

import asyncio

import asyncpg
import pytest

from weir.errors import ConflictError, PreconditionFailedError
from weir.events.device import Device, DeviceRenamed
from weir.events.device_commands import Command, Delete, Disable, Rename
from weir.events.event import Author, JournalEntry
from weir.postgres import journal
from weir.postgres.device_changes import change_device
from weir.postgres.devices import resolve_devices
from weir.postgres.pool import transaction

pytestmark = pytest.mark.postgres

EDITORS = [Author(f"user:{number}") for number in range(8)]


@pytest.fixture(autouse=True)
async def pump(pool: asyncpg.Pool) -> None:
    await resolve_devices(pool, ["pump-1"])


async def rename(pool: asyncpg.Pool, author: Author, seen: int | None) -> tuple[Device, bool]:
    def check(version: int) -> None:
        if seen is not None and version != seen:
            raise PreconditionFailedError(f"it is {version} by now")

    return await change_device(pool, "pump-1", [Rename(author.actor)], author, check)


async def test_of_those_who_have_seen_the_same_version_one_changes_it(pool: asyncpg.Pool) -> None:
    outcomes = await asyncio.gather(
        *(rename(pool, author, 1) for author in EDITORS), return_exceptions=True
    )

    refused = [each for each in outcomes if isinstance(each, PreconditionFailedError)]
    assert len(EDITORS) - 1 == len(refused)
    assert 2 == await pool.fetchval("SELECT entity_version FROM device")


async def test_those_who_do_not_care_change_it_one_after_the_other(pool: asyncpg.Pool) -> None:
    await asyncio.gather(*(rename(pool, author, None) for author in EDITORS))

    rows = await pool.fetch(
        "SELECT entity_version, data ->> 'name' AS name FROM journal "
        "WHERE type = 'device_renamed' ORDER BY position"
    )
    assert list(range(2, 2 + len(EDITORS))) == [row["entity_version"] for row in rows]
    assert rows[-1]["name"] == await pool.fetchval("SELECT name FROM device")


async def test_all_of_a_change_is_done_or_nothing(pool: asyncpg.Pool) -> None:
    commands: list[Command] = [Rename("gone"), Delete(), Disable()]

    with pytest.raises(ConflictError, match=r"pump-1: .*undelete it first"):
        await change_device(pool, "pump-1", commands, EDITORS[0])

    assert ("", False, 1) == tuple(
        await pool.fetchrow("SELECT name, is_deleted, entity_version FROM device") or ()
    )


async def test_a_version_cannot_be_journalled_twice(pool: asyncpg.Pool) -> None:
    entry = JournalEntry("device", "pump-1", 1, DeviceRenamed(name="y"), "user:ada")

    with pytest.raises(ConflictError):
        async with transaction(pool) as connection:
            await journal.append(connection, [entry])
