"""Which commands to devices there are, and the steps of one."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from weir.errors import NotFoundError
from weir.events.catalogue import catalogue
from weir.events.command import ENTITY
from weir.model.command import CommandState, ReplyStatus
from weir.model.command_id import COMMAND_ID_LENGTH, RANDOM_BYTES, command_id
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres.queries._read import fetch, fetch_row, snapshot

#: Sent again hourly at most, a command has fewer steps in its longest life.
STEP_COUNT_MAX = 1_000
_ID_PREFIX = "command_"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CommandFilter:
    """Which commands to list; None: whatever.

    `group_id`: those that were requested together. `since` is included, `until` is not: both are
    of when it was requested.
    """

    serial: str | None = None
    site: str | None = None
    state: CommandState | None = None
    command: str | None = None
    group_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommandSummary:
    """One command; what the fields say is in `weir.events.command`."""

    id: str
    serial: str
    site: str
    command: str
    parameters: dict[str, Any]
    state: CommandState
    requested_by: str
    group_id: str | None
    requested_at: datetime
    expires_at: datetime
    timeout_s: float
    attempt_count: int
    sent_at: datetime | None
    delivered_at: datetime | None
    ended_at: datetime | None
    result: dict[str, Any]
    error: str
    late_status: ReplyStatus | None
    late_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class CommandStep:
    """One step of a command, as the journal has it: `step` is its event without `command_`."""

    step: str
    at: datetime
    actor: str
    position: int
    data: dict[str, Any] = field(default_factory=dict)


_SUMMARY = """
    SELECT command_id AS id, serial, site.slug AS site, command.name AS command, parameters,
           command.state, requested_by, group_id, requested_at, expires_at, timeout_s,
           attempt_count, sent_at, delivered_at, ended_at, result, error, late_status, late_at,
           command.entity_version AS version
    FROM command JOIN device USING (device_id) JOIN site USING (site_id)
         JOIN organisation USING (org_id)
    """
_LIST = f"""
    {_SUMMARY}
    WHERE organisation.slug = $1
      AND command_id < $2 AND command_id >= $3
      AND ($4::text IS NULL OR device_id = (SELECT device_id FROM device WHERE serial = $4))
      AND ($5::text IS NULL OR site.slug = $5)
      AND ($6::text IS NULL OR command.state = $6)
      AND ($7::text IS NULL OR command.name = $7)
      AND ($8::text IS NULL OR group_id = $8)
      AND ($9::timestamptz IS NULL OR requested_at >= $9)
      AND ($10::timestamptz IS NULL OR requested_at < $10)
    ORDER BY command_id DESC LIMIT $11
    """  # noqa: S608 - only constants are put together
_SHOW = f"{_SUMMARY} WHERE command_id = $1"
_STEPS = """
    SELECT type, type_version, data, actor, position FROM journal
    WHERE entity = $1 AND entity_id = $2 ORDER BY entity_version LIMIT $3
    """
_VERSION = "SELECT entity_version, due_at IS NULL AS has_ended FROM command WHERE command_id = $1"
#: Above every id.
_LAST_ID = "z" * COMMAND_ID_LENGTH


async def list_commands(
    pool: asyncpg.Pool, wanted: CommandFilter, *, before: str | None, limit: int
) -> list[CommandSummary]:
    """List commands newest first, those before an id; at most `limit`.

    Raises:
        StoreUnavailableError: try again later.
    """
    # Ids ascend with time, so that the key alone finds the place.
    first = (
        "" if wanted.since is None else command_id(max(wanted.since, _EPOCH), bytes(RANDOM_BYTES))
    )
    rows = await fetch(
        pool,
        _LIST,
        DEFAULT_ORGANISATION,
        before or _LAST_ID,
        first,
        wanted.serial,
        wanted.site,
        wanted.state,
        wanted.command,
        wanted.group_id,
        wanted.since,
        wanted.until,
        limit,
    )
    return [_summary(row) for row in rows]


async def show_command(pool: asyncpg.Pool, id_: str) -> tuple[CommandSummary, list[CommandStep]]:
    """Show one command with its steps.

    Raises:
        NotFoundError: there is no such command.
        StoreUnavailableError: try again later.
    """
    async with snapshot(pool) as connection:
        row = await connection.fetchrow(_SHOW, id_)
        steps = await connection.fetch(_STEPS, ENTITY, id_, STEP_COUNT_MAX)
    if row is None:
        raise _unknown(id_)
    return _summary(row), [_step(step) for step in steps]


async def command_progress(pool: asyncpg.Pool, id_: str) -> tuple[int, bool]:
    """Give how many steps a command has had, and whether it has ended.

    Raises:
        NotFoundError: there is no such command.
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _VERSION, id_)
    if row is None:
        raise _unknown(id_)
    return row["entity_version"], row["has_ended"]


def _unknown(id_: str) -> NotFoundError:
    return NotFoundError(f"there is no command {id_[:80]!r}")


def _summary(row: asyncpg.Record) -> CommandSummary:
    return CommandSummary(
        **{
            **row,
            "parameters": json.loads(row["parameters"]),
            "result": json.loads(row["result"]),
            "state": CommandState(row["state"]),
            "late_status": row["late_status"] and ReplyStatus(row["late_status"]),
        }
    )


def _step(row: asyncpg.Record) -> CommandStep:
    event = catalogue().decode(row["type"], row["type_version"], json.loads(row["data"]))
    data = event.model_dump(mode="json", exclude={"at", "device_id", "serial"})
    at: datetime = getattr(event, "at")  # noqa: B009 - every event of a command has it
    return CommandStep(
        row["type"].removeprefix(_ID_PREFIX),
        at,
        row["actor"],
        row["position"],
        {name: value for name, value in data.items() if value not in ("", None, {})},
    )
