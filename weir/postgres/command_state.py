"""Commands as the domain sees them, read from their rows and written back; many at once."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from weir.codec.json_text import compact_json
from weir.events.command import ENTITY, Command, evolve
from weir.events.event import Author, DomainEvent, JournalEntry, entries_of
from weir.model.command import CommandState, ReplyStatus
from weir.postgres import journal
from weir.postgres.pool import Connection

#: In the order of `row_of`, with their types.
_TYPES = {
    "command_id": "text",
    "device_id": "integer",
    "name": "text",
    "parameters": "jsonb",
    "state": "text",
    "requested_by": "text",
    "correlation_id": "text",
    "group_id": "text",
    "requested_at": "timestamptz",
    "expires_at": "timestamptz",
    "timeout_s": "double precision",
    "attempt_count": "integer",
    "sent_at": "timestamptz",
    "delivered_at": "timestamptz",
    "ended_at": "timestamptz",
    "result": "jsonb",
    "error": "text",
    "late_status": "text",
    "late_at": "timestamptz",
    "due_at": "timestamptz",
    "entity_version": "bigint",
}
COLUMNS = tuple(_TYPES)
_PARAMETERS = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(_TYPES.values(), 1))
_NAMES = ", ".join(COLUMNS)
_INSERT = f"INSERT INTO command ({_NAMES}) SELECT * FROM unnest({_PARAMETERS})"  # noqa: S608
#: What a step may change.
_WRITABLE = [
    "state",
    "attempt_count",
    "sent_at",
    "delivered_at",
    "ended_at",
    "result",
    "error",
    "late_status",
    "late_at",
    "due_at",
    "entity_version",
]
_UPDATE = f"""
    UPDATE command
    SET ({", ".join(_WRITABLE)}) = ROW({", ".join(f"new.{name}" for name in _WRITABLE)})
    FROM unnest({_PARAMETERS}) AS new ({_NAMES})
    WHERE command.command_id = new.command_id
    """  # noqa: S608 - only constants are put together
#: In the order of the ids, so that nobody waits for one another in a circle.
_LOCK = f"""
    SELECT {", ".join(f"command.{name}" for name in COLUMNS)}, serial
    FROM command JOIN device USING (device_id)
    WHERE {{condition}} ORDER BY command_id FOR NO KEY UPDATE OF command
    """  # noqa: S608 - only constants are put together

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """A command with what the domain does not decide: its id, and who wants it."""

    command_id: str
    command: Command
    requested_by: str
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """What is to happen to a stored command, by whom, and which event has led to it."""

    stored: StoredCommand
    events: Sequence[DomainEvent]
    actor: str
    causation_id: str | None = None


def row_of(stored: StoredCommand) -> Row:
    """Give the values of `COLUMNS`."""
    command = stored.command
    return (
        stored.command_id,
        command.device_id,
        command.command,
        compact_json(command.parameters),
        command.state,
        stored.requested_by,
        stored.correlation_id,
        command.group_id,
        command.requested_at,
        command.expires_at,
        command.timeout_s,
        command.attempt_count,
        command.sent_at,
        command.delivered_at,
        command.ended_at,
        compact_json(command.result),
        command.error,
        command.late_status,
        command.late_at,
        command.due_at,
        command.version,
    )


def stored_of(row: asyncpg.Record | Mapping[str, Any]) -> StoredCommand:
    """Make a command of a row with `COLUMNS` and the device's `serial`."""
    command = Command(
        version=row["entity_version"],
        device_id=row["device_id"],
        serial=row["serial"],
        command=row["name"],
        parameters=json.loads(row["parameters"]),
        state=CommandState(row["state"]),
        requested_at=row["requested_at"],
        expires_at=row["expires_at"],
        timeout_s=row["timeout_s"],
        group_id=row["group_id"],
        attempt_count=row["attempt_count"],
        sent_at=row["sent_at"],
        delivered_at=row["delivered_at"],
        ended_at=row["ended_at"],
        result=json.loads(row["result"]),
        error=row["error"],
        late_status=None if row["late_status"] is None else ReplyStatus(row["late_status"]),
        late_at=row["late_at"],
    )
    return StoredCommand(row["command_id"], command, row["requested_by"], row["correlation_id"])


async def lock_commands(
    connection: Connection, condition: str, *arguments: object
) -> list[StoredCommand]:
    """Read commands and keep others from changing them until the transaction ends.

    `condition`: on `command` and `device`, only put together from constants.
    """
    rows = await connection.fetch(_LOCK.format(condition=condition), *arguments)
    return [stored_of(row) for row in rows]


async def insert_commands(
    connection: Connection, requested: Sequence[tuple[str, DomainEvent]], author: Author
) -> None:
    """Make commands, by their ids, and append what made them to the journal; call it last."""
    rows = [
        row_of(StoredCommand(id_, evolve(Command(), event), author.actor, author.correlation_id))
        for id_, event in requested
    ]
    await connection.execute(_INSERT, *map(list, zip(*rows, strict=True)))
    entries: list[JournalEntry] = []
    for id_, event in requested:
        entries += entries_of(ENTITY, id_, 0, [event], author)
    await journal.append(connection, entries)


async def store_steps(connection: Connection, steps: Iterable[Step]) -> list[Command]:
    """Write what commands have become, and append the steps to the journal; call it last.

    Gives the commands as they are then, in the order of the steps; those without events are left
    out.
    """
    rows: list[Row] = []
    entries: list[JournalEntry] = []
    after: list[Command] = []
    for step in steps:
        if not step.events:
            continue
        stored = step.stored
        command = stored.command
        author = Author(step.actor, stored.correlation_id, step.causation_id)
        entries += entries_of(ENTITY, stored.command_id, command.version, step.events, author)
        for event in step.events:
            command = evolve(command, event)
        after.append(command)
        rows.append(
            row_of(
                StoredCommand(
                    stored.command_id, command, stored.requested_by, stored.correlation_id
                )
            )
        )
    if rows:
        await connection.execute(_UPDATE, *map(list, zip(*rows, strict=True)))
        await journal.append(connection, entries)
    return after
