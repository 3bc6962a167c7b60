"""The log lines of devices: a window of them, the newest, or what has come in since."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg

from weir.codec.device_log import LEVEL_NUMBERS
from weir.model.device_log import Level
from weir.postgres.queries._read import STATEMENT_TIMEOUT_S, fetch, snapshot


class LogPosition(NamedTuple):
    """A place in the order of lines: by time, then as they came."""

    placed_at: datetime
    position: int


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines: from `since` and before `until`, in the time where they stand.

    `device_ids`: any of them; empty: whatever. `level`: this bad or worse. `text`: anywhere in
    message or attributes, in whatever case. `after`: only what comes behind it.
    """

    since: datetime
    until: datetime
    device_ids: Sequence[int] = ()
    level: Level | None = None
    text: str = ""
    after: LogPosition | None = None


@dataclass(frozen=True, slots=True)
class StoredLine:
    """One line; `attributes` is the text of a JSON object, `logged_at` what its device says."""

    serial: str
    place: LogPosition
    level: Level
    message: str
    attributes: str
    logged_at: datetime | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LogTail:
    """Lines that have come in, and the position up to which everything was looked at."""

    lines: Sequence[StoredLine]
    position: int


_LEVELS = {number: level for level, number in LEVEL_NUMBERS.items()}
_SELECT = """
    SELECT serial, placed_at, position, level, message, attributes, logged_at, received_at
    FROM device_log JOIN device USING (device_id)
    """
_END = "SELECT coalesce(max(position), 0) FROM device_log"


async def list_lines(pool: asyncpg.Pool, wanted: LogFilter, limit: int) -> list[StoredLine]:
    """Give the oldest `limit` lines that the filter lets pass, ascending.

    Raises:
        StoreUnavailableError: try again later.
    """
    conditions, arguments = _conditions(wanted)
    statement = f"{_SELECT} WHERE {conditions} ORDER BY placed_at, position LIMIT {int(limit)}"
    return [_line(row) for row in await fetch(pool, statement, *arguments)]


async def list_newest_lines(pool: asyncpg.Pool, wanted: LogFilter, limit: int) -> list[StoredLine]:
    """Give the newest `limit` lines that the filter lets pass, ascending.

    Raises:
        StoreUnavailableError: try again later.
    """
    statement, arguments = _newest(wanted, limit)
    return [_line(row) for row in await fetch(pool, statement, *arguments)][::-1]


async def begin_tail(pool: asyncpg.Pool, wanted: LogFilter, limit: int) -> LogTail:
    """Give the newest lines, and the position behind which the next ones will be.

    Raises:
        StoreUnavailableError: try again later.
    """
    statement, arguments = _newest(wanted, limit)
    async with snapshot(pool) as connection:
        end = await connection.fetchval(_END, timeout=STATEMENT_TIMEOUT_S)
        rows = await connection.fetch(statement, *arguments, timeout=STATEMENT_TIMEOUT_S)
    return LogTail([_line(row) for row in rows][::-1], end)


async def continue_tail(
    pool: asyncpg.Pool, wanted: LogFilter, position: int, limit: int
) -> LogTail:
    """Give what has come in behind a position, in the order in which it came.

    Raises:
        StoreUnavailableError: try again later.
    """
    conditions, arguments = _conditions(wanted)
    arguments.append(position)
    statement = (
        f"{_SELECT} WHERE {conditions} AND position > ${len(arguments)} "
        f"ORDER BY position LIMIT {int(limit)}"
    )
    async with snapshot(pool) as connection:
        end = await connection.fetchval(_END, timeout=STATEMENT_TIMEOUT_S)
        rows = await connection.fetch(statement, *arguments, timeout=STATEMENT_TIMEOUT_S)
    lines = [_line(row) for row in rows]
    # Where nothing is left, what the filter does not let pass need not be looked at again.
    reached = lines[-1].place.position if len(lines) == limit else end
    return LogTail(lines, max(position, reached))


def _newest(wanted: LogFilter, limit: int) -> tuple[str, list[object]]:
    conditions, arguments = _conditions(wanted)
    order = "ORDER BY placed_at DESC, position DESC"
    return f"{_SELECT} WHERE {conditions} {order} LIMIT {int(limit)}", arguments


def _conditions(wanted: LogFilter) -> tuple[str, list[object]]:
    # Only the conditions that are needed: each set of them has an index that serves it.
    conditions = ["placed_at >= $1", "placed_at < $2"]
    arguments: list[object] = [wanted.since, wanted.until]
    if wanted.device_ids:
        arguments.append(wanted.device_ids)
        conditions.append(f"device_id = ANY(${len(arguments)}::integer[])")
    if wanted.level is not None:
        arguments.append(LEVEL_NUMBERS[wanted.level])
        conditions.append(f"level >= ${len(arguments)}")
    if wanted.text:
        arguments.append(f"%{_escaped(wanted.text)}%")
        text = f"${len(arguments)}"
        conditions.append(f"(message ILIKE {text} OR attributes::text ILIKE {text})")
    if wanted.after:
        arguments[0] = max(wanted.since, wanted.after.placed_at)
        first = len(arguments) + 1
        conditions.append(f"(placed_at, position) > (${first}, ${first + 1})")
        arguments += wanted.after
    return " AND ".join(conditions), arguments


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _line(row: asyncpg.Record) -> StoredLine:
    return StoredLine(
        serial=row["serial"],
        place=LogPosition(row["placed_at"], row["position"]),
        level=_LEVELS[row["level"]],
        message=row["message"],
        attributes=row["attributes"],
        logged_at=row["logged_at"],
        received_at=row["received_at"],
    )
