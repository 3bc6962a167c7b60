"""Commands under way, in the table `command`: every step together with its event in the journal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from weir.command_port import SendableCommand, StepCounts, WaitingCommands
from weir.errors import UnknownCommandError
from weir.events.command import EndedCommandsDropped
from weir.events.command_commands import Cancel, CheckDue, MarkSent, NoteReply, decide
from weir.events.command_commands import Step as Asked
from weir.events.event import Author, entries_of
from weir.model.command import CommandMessage, CommandState, Reply
from weir.model.device_state import DeviceState
from weir.postgres import journal
from weir.postgres.command_state import (
    COLUMNS,
    Step,
    StoredCommand,
    lock_commands,
    store_steps,
    stored_of,
)
from weir.postgres.errors import translated
from weir.postgres.pool import Connection, transaction

#: Who the journal says has done what follows from time or from other events.
ACTOR = "system:commands"
#: Changed in one transaction.
BATCH_COUNT = 500
#: Ended commands that are dropped in one transaction.
DROPPED_COUNT = 5_000
#: What was not published by then was refused by the broker, or is about to be published.
LEFT_AFTER = timedelta(seconds=10)
#: Of one device, tried again in one round.
_LEFT_PER_DEVICE_COUNT = 10
#: A device that comes and goes is sent the same command so often at once, then ever more rarely.
RESENT_AT_ONCE_COUNT = 5
RESEND_INTERVAL_S = 10.0
RESEND_INTERVAL_S_MAX = 3_600.0

#: Of the events that tell what was dropped.
DROPPED_ENTITY, DROPPED_ENTITY_ID = "commands", "all"

_READ = f"""
    SELECT {", ".join(f"command.{name}" for name in COLUMNS)}, serial, device.state AS device_state,
           is_deleted
    FROM command JOIN device USING (device_id)
    """  # noqa: S608 - only constants are put together
_REQUESTED = f"{_READ} WHERE command_id = ANY($1::text[]) AND command.state = 'requested'"
_LEFT = f"""
    SELECT * FROM (
        SELECT *, row_number() OVER (PARTITION BY device_id ORDER BY command_id) AS number
        FROM ({_READ}
              WHERE command.state = 'requested' AND due_at > $1 AND requested_at < $2) AS unsent
    ) AS numbered
    WHERE number <= $3 ORDER BY command_id LIMIT $4
    """  # noqa: S608 - only constants are put together
_UNHEARD = f"""
    {_READ}
    WHERE device_id IN (SELECT device_id FROM device WHERE serial = ANY($1::text[]))
      AND command.state = 'sent' AND due_at IS NOT NULL AND expires_at > $2
      AND device.state = 'active' AND NOT is_deleted
      AND (attempt_count < $3
           OR sent_at <= $2 - least($4 * 2 ^ least(attempt_count - $3, 30), $5) * interval '1 s')
    ORDER BY command_id
    """  # noqa: S608 - only constants are put together
_DUE = f"""
    command_id IN (SELECT command_id FROM command
                   WHERE due_at <= $1 AND state = ANY($2::text[])
                   ORDER BY due_at LIMIT {BATCH_COUNT})
    """  # noqa: S608 - only constants are put together
_HAS_OVERDUE = """
    SELECT EXISTS (SELECT FROM command WHERE due_at <= $1 AND state IN ('sent', 'delivered'))
    """
_COUNT_WAITING = """
    SELECT state, count(*) AS count, min(requested_at) AS oldest_requested_at
    FROM command WHERE due_at IS NOT NULL GROUP BY state
    """
_LOCK_DROPPING = "SELECT pg_advisory_xact_lock(hashtextextended('weir.commands.dropping', 0))"
_OLD = """
    SELECT count(*) AS count, max(ended_at) AS last_at
    FROM (SELECT ended_at FROM command WHERE ended_at < $1 ORDER BY ended_at LIMIT $2) AS old
    """
_DROP = "DELETE FROM command WHERE ended_at < $1"
_LAST_VERSION = """
    SELECT coalesce(max(entity_version), 0) FROM journal WHERE entity = $1 AND entity_id = $2
    """

_UNSENT = (CommandState.REQUESTED,)
_SENT = (CommandState.SENT, CommandState.DELIVERED)
_CANCELLABLE = (CommandState.REQUESTED, CommandState.SENT)


class PostgresCommandStore:
    """The commands of an installation; what has ended is kept for `kept_for`."""

    def __init__(self, pool: asyncpg.Pool, kept_for: timedelta) -> None:
        self._pool = pool
        self._kept_for = kept_for

    async def take_requested(
        self, command_ids: Sequence[str], now: datetime
    ) -> Sequence[SendableCommand]:
        """Give those that still wait to be published, in the order in which they were requested.

        Those of devices that were shut out meanwhile are cancelled instead.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            rows = await self._pool.fetch(_REQUESTED, command_ids)
        for reason, serials in _shut_out(rows).items():
            await self.cancel_waiting(serials, reason, now)
        order = {command_id: number for number, command_id in enumerate(command_ids)}
        kept = [row for row in rows if _is_let_in(row) and row["expires_at"] > now]
        kept.sort(key=lambda row: order[row["command_id"]])
        return [_sendable(stored_of(row)) for row in kept]

    async def find_left(self, now: datetime) -> Sequence[SendableCommand]:
        """Give the oldest of each device that should have been published and were refused.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            rows = await self._pool.fetch(
                _LEFT, now, now - LEFT_AFTER, _LEFT_PER_DEVICE_COUNT, BATCH_COUNT
            )
        return [_sendable(stored_of(row)) for row in rows if _is_let_in(row)]

    async def find_unheard(
        self, serials: Sequence[str], now: datetime
    ) -> Sequence[SendableCommand]:
        """Give what was sent to these devices and is not known to have reached them, in order.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            rows = await self._pool.fetch(
                _UNHEARD,
                serials,
                now,
                RESENT_AT_ONCE_COUNT,
                RESEND_INTERVAL_S,
                RESEND_INTERVAL_S_MAX,
            )
        return [_sendable(stored_of(row)) for row in rows]

    async def mark_sent(
        self, commands: Sequence[SendableCommand], now: datetime, causes: Mapping[str, int]
    ) -> StepCounts:
        """Note that the broker has them; `causes`: positions of the events that ask for it.

        Raises:
            StoreUnavailableError: try again later.
        """
        attempts = {command.message.command_id: command.attempt for command in commands}
        async with transaction(self._pool) as connection:
            found = await lock_commands(
                connection, "command_id = ANY($1::text[])", sorted(attempts)
            )
            return await _store(
                connection,
                [
                    Step(
                        stored,
                        decide(stored.command, MarkSent(now, attempts[stored.command_id])),
                        ACTOR,
                        _position(causes, stored.command_id),
                    )
                    for stored in found
                ],
            )

    async def note_reply(self, serial: str, reply: Reply, now: datetime) -> StepCounts:
        """Note what a device has answered.

        Raises:
            UnknownCommandError: there is no such command to this device.
            StoreUnavailableError: try again later.
        """
        async with transaction(self._pool) as connection:
            condition = "command_id = $1 AND serial = $2"
            found = await lock_commands(connection, condition, reply.command_id, serial)
            if not found:
                raise UnknownCommandError(f"{serial} was sent no command {reply.command_id!r}")
            (stored,) = found
            events = decide(stored.command, NoteReply(now, reply))
            return await _store(connection, [Step(stored, events, serial)])

    async def cancel_waiting(
        self, serials: Sequence[str], reason: str, now: datetime
    ) -> StepCounts:
        """Cancel what has not reached these devices.

        Raises:
            StoreUnavailableError: try again later.
        """
        condition = "serial = ANY($1::text[]) AND due_at IS NOT NULL AND command.state = ANY($2)"
        async with transaction(self._pool) as connection:
            found = await lock_commands(connection, condition, sorted(serials), _CANCELLABLE)
            return await _store(connection, _steps(found, Cancel(now, reason)))

    async def expire_unsent(self, now: datetime) -> StepCounts:
        """End those that were never sent and must not be begun any more.

        Raises:
            StoreUnavailableError: try again later.
        """
        return await self._end_due(now, _UNSENT)

    async def has_overdue(self, now: datetime) -> bool:
        """Whether the time of some is over that were sent.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            return bool(await self._pool.fetchval(_HAS_OVERDUE, now))

    async def end_overdue(self, now: datetime) -> StepCounts:
        """End those that were sent and whose time is over.

        Raises:
            StoreUnavailableError: try again later.
        """
        return await self._end_due(now, _SENT)

    async def drop_ended(self, now: datetime) -> int:
        """Drop what has ended longer ago than it is kept; gives how many.

        Raises:
            StoreUnavailableError: try again later.
        """
        dropped_count = 0
        while True:
            count = await self._drop_some(now - self._kept_for)
            dropped_count += count
            if count < DROPPED_COUNT:
                return dropped_count

    async def count_waiting(self) -> Sequence[WaitingCommands]:
        """Count what is under way.

        Raises:
            StoreUnavailableError: try again later.
        """
        with translated():
            rows = await self._pool.fetch(_COUNT_WAITING)
        return [
            WaitingCommands(CommandState(row["state"]), row["count"], row["oldest_requested_at"])
            for row in rows
        ]

    async def _end_due(self, now: datetime, states: Sequence[CommandState]) -> StepCounts:
        counts: Counter[str] = Counter()
        while True:
            async with transaction(self._pool) as connection:
                found = await lock_commands(connection, _DUE, now, states)
                counts.update(await _store(connection, _steps(found, CheckDue(now))))
            if len(found) < BATCH_COUNT:
                return counts

    async def _drop_some(self, ended_before: datetime) -> int:
        async with transaction(self._pool) as connection:
            await connection.execute(_LOCK_DROPPING)
            old = await connection.fetchrow(_OLD, ended_before, DROPPED_COUNT)
            if old is None or not old["count"]:
                return 0
            if old["count"] == DROPPED_COUNT:
                ended_before = old["last_at"] + timedelta(microseconds=1)
            count = int((await connection.execute(_DROP, ended_before)).split()[-1])
            version = await connection.fetchval(_LAST_VERSION, DROPPED_ENTITY, DROPPED_ENTITY_ID)
            event = EndedCommandsDropped(ended_before=ended_before, count=count)
            entries = entries_of(DROPPED_ENTITY, DROPPED_ENTITY_ID, version, [event], Author(ACTOR))
            await journal.append(connection, entries)
        return count


async def _store(connection: Connection, steps: Sequence[Step]) -> StepCounts:
    await store_steps(connection, steps)
    return Counter(event.type for step in steps for event in step.events)


def _steps(found: Sequence[StoredCommand], asked: Asked) -> list[Step]:
    return [Step(stored, decide(stored.command, asked), ACTOR) for stored in found]


def _position(causes: Mapping[str, int], command_id: str) -> str | None:
    position = causes.get(command_id)
    return None if position is None else str(position)


def _is_let_in(row: asyncpg.Record) -> bool:
    return row["device_state"] == DeviceState.ACTIVE and not row["is_deleted"]


def _shut_out(rows: Sequence[asyncpg.Record]) -> dict[str, list[str]]:
    """Sort the devices that are not let in by the reason."""
    shut_out: dict[str, list[str]] = {}
    for row in rows:
        if not _is_let_in(row):
            state = DeviceState.DELETED if row["is_deleted"] else row["device_state"]
            shut_out.setdefault(f"the device is {state}", []).append(row["serial"])
    return shut_out


def _sendable(stored: StoredCommand) -> SendableCommand:
    command: Any = stored.command
    message = CommandMessage(
        stored.command_id,
        command.command,
        command.parameters,
        command.requested_at,
        command.expires_at,
    )
    return SendableCommand(
        command.serial, message, command.attempt_count + 1, stored.correlation_id
    )
