"""Count what floods of log lines have cost, and say it in lines of their own.

What is dropped is counted in the transaction that passes it, so the count is exact whatever dies;
the line that tells it comes once a minute of flood, and takes the count with it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from weir.clock import from_us, to_us
from weir.codec.device_log import LEVEL_NUMBERS
from weir.model.device_log import Level, LogBatch, LogEntry
from weir.model.log_limit import LogLimit
from weir.postgres.device_log_rows import LogRow, digest
from weir.postgres.pool import Connection

#: What the message of such a line begins with.
FLOOD_EVENT = "log_flood"

_NOTE = """
    INSERT INTO device_log_flood AS flood (device_id, line_count, since, until)
    SELECT * FROM unnest($1::integer[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
    ON CONFLICT (device_id) DO UPDATE
    SET line_count = flood.line_count + excluded.line_count,
        since = least(flood.since, excluded.since), until = greatest(flood.until, excluded.until)
    """
_TAKE = """
    DELETE FROM device_log_flood AS flood USING device
    WHERE device.device_id = flood.device_id AND noted_at <= now() - make_interval(secs => $1)
    RETURNING flood.device_id, serial, line_count, since, until
    """
_IS_ANY = "SELECT EXISTS (SELECT FROM device_log_flood)"


@dataclass(frozen=True, slots=True)
class Told:
    """Lines that tell of floods, as rows and as batches; `is_any_left`: others wait to be told."""

    rows: Sequence[LogRow]
    batches: Sequence[LogBatch]
    is_any_left: bool


class LogFloods:
    """Floods in the table `device_log_flood`."""

    def __init__(self, limit: LogLimit, told_after_s: float) -> None:
        self._limit = limit
        self._told_after_s = told_after_s
        #: A process that died may have left some.
        self.may_be_told = True

    async def note(
        self, connection: Connection, batches: Sequence[LogBatch], device_ids: Mapping[str, int]
    ) -> None:
        """Count the lines that batches leave out, within the caller's transaction."""
        counts: dict[int, tuple[int, int, int]] = {}
        for batch in batches:
            if batch.dropped_count:
                device_id, at_us = device_ids[batch.serial], batch.received_at_us
                count, since_us, until_us = counts.get(device_id, (0, at_us, at_us))
                counts[device_id] = (
                    count + batch.dropped_count,
                    min(since_us, at_us),
                    max(until_us, at_us),
                )
        if counts:
            self.may_be_told = True
            ordered = sorted(counts.items())
            await connection.execute(
                _NOTE,
                [device_id for device_id, _ in ordered],
                [count for _, (count, _, _) in ordered],
                [from_us(since_us) for _, (_, since_us, _) in ordered],
                [from_us(until_us) for _, (_, _, until_us) in ordered],
            )

    async def tell(self, connection: Connection) -> Told:
        """Take the floods that are due, within the caller's transaction."""
        if not self.may_be_told:
            return Told((), (), is_any_left=False)
        due = await connection.fetch(_TAKE, self._told_after_s)
        is_any_left = bool(await connection.fetchval(_IS_ANY))
        entries = [self._entry(flood) for flood in due]
        return Told(
            [_row(flood, entry) for flood, entry in zip(due, entries, strict=True)],
            [
                LogBatch(flood["serial"], -1, to_us(flood["until"]), 0, [entry])
                for flood, entry in zip(due, entries, strict=True)
            ],
            is_any_left,
        )

    def settle(self, told: Told) -> None:
        """Note, once it is committed, whether anything waits to be told."""
        self.may_be_told = told.is_any_left

    def _entry(self, flood: asyncpg.Record) -> LogEntry:
        count, since, until = flood["line_count"], _z(flood["since"]), _z(flood["until"])
        message = (
            f"{FLOOD_EVENT}: {count} log lines of this device were dropped, "
            f"from {since} to {until}: it may send {self._limit.lines_per_s:g} lines a second, "
            f"and {self._limit.line_count_max:g} at once after a silence"
        )
        attributes = {"dropped_count": str(count), "since": since, "until": until}
        return LogEntry(to_us(flood["until"]), Level.WARNING, message, attributes)


def _row(flood: asyncpg.Record, entry: LogEntry) -> LogRow:
    return LogRow(
        device_id=flood["device_id"],
        placed_at=flood["until"],
        digest=digest((FLOOD_EVENT, *entry.attributes.values())),
        level=LEVEL_NUMBERS[entry.level],
        message=entry.message,
        attributes=json.dumps(entry.attributes),
        logged_at=flood["until"],
        received_at=flood["until"],
    )


def _z(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
