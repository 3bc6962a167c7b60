"""What happened at devices: a window of their events, or the newest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg

from weir.postgres.queries._read import fetch


class EventPosition(NamedTuple):
    """A place in the order of events: by time, then device, type and content."""

    observed_at: datetime
    device_id: int
    type: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: from `since` and before `until`.

    `device_ids` and `types`: any of them; empty: whatever. `after`: only what comes behind it.
    """

    since: datetime
    until: datetime
    device_ids: Sequence[int] = ()
    types: Sequence[str] = ()
    after: EventPosition | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One device event; `data` is the text of a JSON object."""

    serial: str
    position: EventPosition
    data: str
    recorded_at: datetime


_SELECT = """
    SELECT serial, observed_at, device_id, type, digest, data, device_event.recorded_at
    FROM device_event JOIN device USING (device_id)
    """
_ASCENDING = "ORDER BY observed_at, device_id, type, digest"
_DESCENDING = "ORDER BY observed_at DESC, device_id DESC, type DESC, digest DESC"


async def list_events(pool: asyncpg.Pool, wanted: EventFilter, limit: int) -> list[StoredEvent]:
    """Give the oldest `limit` events that the filter lets pass, ascending.

    Raises:
        StoreUnavailableError: try again later.
    """
    return await _list(pool, wanted, _ASCENDING, limit)


async def list_newest_events(
    pool: asyncpg.Pool, wanted: EventFilter, limit: int
) -> list[StoredEvent]:
    """Give the newest `limit` events that the filter lets pass, ascending.

    Raises:
        StoreUnavailableError: try again later.
    """
    return (await _list(pool, wanted, _DESCENDING, limit))[::-1]


async def _list(
    pool: asyncpg.Pool, wanted: EventFilter, order: str, limit: int
) -> list[StoredEvent]:
    # Only the conditions that are needed: each set of them has an index that serves it.
    conditions = ["observed_at >= $1", "observed_at < $2"]
    arguments: list[object] = [wanted.since, wanted.until, limit]
    if wanted.device_ids:
        arguments.append(wanted.device_ids)
        conditions.append(f"device_id = ANY(${len(arguments)}::integer[])")
    if wanted.types:
        arguments.append(wanted.types)
        conditions.append(f"type = ANY(${len(arguments)}::text[])")
    if wanted.after:
        arguments[0] = max(wanted.since, wanted.after.observed_at)
        first = len(arguments) + 1
        places = ", ".join(f"${number}" for number in range(first, first + len(wanted.after)))
        conditions.append(f"(observed_at, device_id, type, digest) > ({places})")
        arguments += wanted.after
    statement = f"{_SELECT} WHERE {' AND '.join(conditions)} {order} LIMIT $3"
    return [
        StoredEvent(serial, EventPosition(*position), data, recorded_at)
        for serial, *position, data, recorded_at in await fetch(pool, statement, *arguments)
    ]
