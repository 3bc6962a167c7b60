"""Change how devices are to be set, and take note of what they run; deliver what is wanted."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import asyncpg

from weir.codec.control.configuration import CONFIGURATION_BOUNDS
from weir.codec.documents import document_text
from weir.control_ports import WantedConfiguration
from weir.declared_schema import problems_of
from weir.errors import ConflictError, InvalidMessageError, RequestError
from weir.events.configuration import (
    ENTITY,
    Configuration,
    Desire,
    Report,
    decide,
    evolve,
    news_of,
)
from weir.events.event import Author, JournalEntry, entries_of
from weir.model.configuration import ReportedConfiguration
from weir.model.device_state import DeviceState
from weir.postgres import configuration_delivery as delivery
from weir.postgres import journal
from weir.postgres.configuration_state import (
    ConfiguredDevice,
    lock_configuration,
    read_configuration,
    store_configuration,
)
from weir.postgres.device_changes import CheckVersion
from weir.postgres.enrolment import enrol, enrolments
from weir.postgres.pool import Connection, transaction
from weir.postgres.queries._read import fetch

#: Above it PostgreSQL, JavaScript and Python write floating-point numbers in ways of their own.
_EXPONENT_FROM = 1e16

#: Gives what is wanted from then on, of what is wanted and reported now.
Make = Callable[[Configuration], Desire]


class PostgresConfigurationStore:
    """Configurations in the tables `device_configuration` and `configuration_delivery`."""

    def __init__(self, pool: asyncpg.Pool, *, needs_approval: bool = False) -> None:
        self._pool = pool
        self._needs_approval = needs_approval

    async def note_report(self, serial: str, reported: ReportedConfiguration, at: datetime) -> None:
        """Take note of what a device runs; safe to repeat. It gets what is wanted if it lacks it.

        Raises:
            StoreUnavailableError: try again later.
        """
        async with transaction(self._pool) as connection:
            enrolled = await enrol(connection, [serial], pending=self._needs_approval)
            locked = await lock_configuration(connection, serial)
            entries = await _note(connection, locked, Report(reported, at))
            await journal.append(connection, [*enrolments(enrolled), *entries])

    async def note_waiting(self, now: datetime) -> int:
        """Take note of reports that came too soon after others; gives how many are left.

        Raises:
            StoreUnavailableError: try again later.
        """
        left_count = 0
        for row in await fetch(self._pool, delivery.WAITING):
            async with transaction(self._pool) as connection:
                locked = await lock_configuration(connection, row["serial"])
                said = ReportedConfiguration(**json.loads(row["waiting"]))
                entries = await _note(connection, locked, Report(said, now))
                await journal.append(connection, entries)
            left_count += not entries
        return left_count

    async def want(self, serials: Sequence[str], now: datetime) -> None:
        """See to it that devices get what is wanted, where they lack it, and not too often.

        Raises:
            StoreUnavailableError: try again later.
        """
        async with transaction(self._pool) as connection:
            await connection.execute(delivery.WANT, now, sorted(set(serials)))

    async def due(self, now: datetime) -> list[WantedConfiguration]:
        """Give what is to be published now, at most `delivery.DUE_AT_ONCE_MAX`.

        Raises:
            StoreUnavailableError: try again later.
        """
        async with transaction(self._pool) as connection:
            return await delivery.due(connection, now)

    async def note_sent(self, sent: Sequence[WantedConfiguration], now: datetime) -> None:
        """Take note of what the broker has for devices.

        Raises:
            StoreUnavailableError: try again later; it is published again.
        """
        async with transaction(self._pool) as connection:
            await delivery.note_sent(connection, sent, now)


async def change_configuration(
    pool: asyncpg.Pool,
    serial: str,
    make: Make,
    author: Author,
    check: CheckVersion | None = None,
) -> bool:
    """Want something else of a device, in one transaction with the journal; False: it is the same.

    `check` gets the version that is wanted now.

    Raises:
        NotFoundError: no device has this serial.
        ConflictError: it is deleted, or somebody else has changed it meanwhile.
        RequestError: the document is too large, or does not fit what the device declares.
        StoreUnavailableError: try again later.
    """
    found = await read_configuration(pool, serial)
    if found.state is DeviceState.DELETED:
        raise ConflictError(f"{serial} is deleted: undelete it first")
    if check is not None:
        check(found.configuration.wanted.version)
    desire = await _checked(make(found.configuration), found.schema)
    async with transaction(pool) as connection:
        locked = await lock_configuration(connection, serial)
        if locked.configuration.wanted.version != found.configuration.wanted.version:
            raise ConflictError("somebody else has changed it meanwhile: read it again")
        events = decide(locked.configuration, desire)
        entries, after = _evolved(locked, events, author)
        if entries:
            await store_configuration(connection, locked.device_id, after)
            await connection.execute(delivery.WANT_AT_ONCE, locked.device_id)
            await journal.append(connection, entries)
    return bool(entries)


async def _checked(desire: Desire, schema: Mapping[str, Any] | None) -> Desire:
    document = normalised(dict(desire.document))
    try:
        document_text("document", document, CONFIGURATION_BOUNDS)
    except InvalidMessageError as error:
        raise RequestError(str(error)) from error
    if schema is not None:
        # A schema is the device's own, and may take its time.
        problems = await asyncio.to_thread(problems_of, document, schema)
        if problems:
            raise RequestError("; ".join(map(str, problems)))
    return Desire(document, desire.how, desire.of_version)


def normalised(value: Any) -> Any:
    """Give a document as it comes back from the database, so that its hash stays what it is."""
    match value:
        case float() if value.is_integer() and (abs(value) >= _EXPONENT_FROM or value == 0):
            return int(value) if value else 0.0
        case dict():
            return {name: normalised(member) for name, member in value.items()}
        case list():
            return [normalised(element) for element in value]
        case _:
            return value


async def _note(
    connection: Connection, locked: ConfiguredDevice, report: Report
) -> list[JournalEntry]:
    """Take note of a report, or keep it for later; gives what to journal."""
    events = decide(locked.configuration, report)
    is_too_soon = not events and bool(news_of(locked.configuration, report))
    waiting = json.dumps(asdict(report.reported)) if is_too_soon else None
    entries, after = _evolved(locked, events, Author(locked.serial))
    if entries:
        await store_configuration(connection, locked.device_id, after)
    await delivery.note_waiting(connection, locked.device_id, waiting)
    if after.is_to_be_sent:
        await connection.execute(delivery.WANT, report.at, [locked.serial])
    return entries


def _evolved(
    locked: ConfiguredDevice, events: Sequence[Any], author: Author
) -> tuple[list[JournalEntry], Configuration]:
    after = locked.configuration
    for event in events:
        after = evolve(after, event)
    entries = entries_of(ENTITY, locked.serial, locked.configuration.version, events, author)
    return entries, after
