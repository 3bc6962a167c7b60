"""What was rejected and kept: listed newest first, and shown byte for byte."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from weir.errors import NotFoundError
from weir.postgres.queries._read import fetch, fetch_row

#: PostgreSQL's bigint: no dead letter has a greater number.
DEAD_LETTER_ID_MAX = 2**63 - 1


class DeadLetterState(StrEnum):
    """What became of a dead letter."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Which dead letters; None: whatever. Kept at or after `since` and before `until`."""

    state: DeadLetterState | None = None
    reason: str | None = None
    consumer: str | None = None
    serial: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def arguments(self) -> tuple[str | datetime | None, ...]:
        """Give the arguments of `MATCHES`."""
        return (self.state, self.reason, self.consumer, self.serial, self.since, self.until)


@dataclass(frozen=True, slots=True)
class DeadLetterSummary:
    """One rejected message of a list, without its content.

    `source_offset`: its place in a stream, None for a queue. `serial`: None when the routing key
    names no device. `settled_at`: None while it is kept.
    """

    dead_letter_id: int
    state: DeadLetterState
    reason: str
    error: str
    consumer: str
    source: str
    source_offset: int | None
    routing_key: str
    serial: str | None
    body_bytes: int
    attempts: int
    first_seen_at: datetime
    recorded_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetterContent:
    """What arrived, as it arrived."""

    exchange: str
    headers: Mapping[str, Any]
    body: bytes


#: The condition of a filter; its arguments are the first ones of a statement.
MATCHES = """
    ($1::text IS NULL OR state = $1)
    AND ($2::text IS NULL OR reason = $2)
    AND ($3::text IS NULL OR consumer = $3)
    AND ($4::text IS NULL OR serial = $4)
    AND ($5::timestamptz IS NULL OR recorded_at >= $5)
    AND ($6::timestamptz IS NULL OR recorded_at < $6)
    """
FILTER_COUNT = 6
_SUMMARY = """
    dead_letter_id, state, reason, error, consumer, source, source_offset, routing_key, serial,
    octet_length(body) AS body_bytes, attempts, first_seen_at, recorded_at, settled_at
    """
_LIST = f"""
    SELECT {_SUMMARY} FROM dead_letter WHERE {MATCHES} AND dead_letter_id < $7
    ORDER BY dead_letter_id DESC LIMIT $8
    """  # noqa: S608 - only constants are put together
_COUNT = f"""
    SELECT count(*) AS count FROM dead_letter
    WHERE {MATCHES} AND dead_letter_id > $7 AND dead_letter_id <= $8
    """  # noqa: S608 - only constants are put together
_NEWEST_ID = "SELECT coalesce(max(dead_letter_id), 0) AS newest FROM dead_letter"
_SHOW = f"""
    SELECT {_SUMMARY}, exchange, headers, body FROM dead_letter WHERE dead_letter_id = $1
    """  # noqa: S608 - only constants are put together
_CONTENT = ("exchange", "headers", "body")


async def list_dead_letters(
    pool: asyncpg.Pool, wanted: DeadLetterFilter, *, before_id: int, limit: int
) -> list[DeadLetterSummary]:
    """List dead letters with numbers below `before_id`, newest first; at most `limit`.

    Raises:
        StoreUnavailableError: try again later.
    """
    rows = await fetch(pool, _LIST, *wanted.arguments(), before_id, limit)
    return [_summary(dict(row)) for row in rows]


async def count_dead_letters(
    pool: asyncpg.Pool,
    wanted: DeadLetterFilter,
    *,
    after_id: int = 0,
    last_id: int = DEAD_LETTER_ID_MAX,
) -> int:
    """Count dead letters with `after_id` < number <= `last_id`.

    Raises:
        StoreUnavailableError: try again later.
    """
    (row,) = await fetch(pool, _COUNT, *wanted.arguments(), after_id, last_id)
    return int(row["count"])


async def newest_dead_letter_id(pool: asyncpg.Pool) -> int:
    """Give the greatest number of a dead letter; 0 when there is none.

    Raises:
        StoreUnavailableError: try again later.
    """
    (row,) = await fetch(pool, _NEWEST_ID)
    return int(row["newest"])


async def show_dead_letter(
    pool: asyncpg.Pool, dead_letter_id: int
) -> tuple[DeadLetterSummary, DeadLetterContent]:
    """Show one dead letter with its content.

    Raises:
        NotFoundError: none has this number.
        StoreUnavailableError: try again later.
    """
    row = await fetch_row(pool, _SHOW, dead_letter_id)
    if row is None:
        raise NotFoundError(f"no dead letter has the number {dead_letter_id}")
    columns = dict(row)
    exchange, headers, body = (columns.pop(name) for name in _CONTENT)
    return _summary(columns), DeadLetterContent(exchange, json.loads(headers), body)


def _summary(columns: dict[str, Any]) -> DeadLetterSummary:
    return DeadLetterSummary(**{**columns, "state": DeadLetterState(columns["state"])})
