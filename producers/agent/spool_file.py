"""The spool's SQLite file: what waits, what was lost, what was answered. One thread uses it.

Each change belongs to a transaction of its caller (`transaction`). Write-ahead log with full
synchronisation: what is committed is there after a power cut (docs/adr/0020-edge-agent-and-spool.md
has what that costs). Source: SQLite, "Write-Ahead Logging" and "PRAGMA synchronous".
"""

import json
import os
import sqlite3
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from producers.agent.configuration import WhenFull
from producers.agent.message import Gap, Message, Priority, gap_of
from weir.errors import SpoolFullError

#: What a message takes beside its body: its row and two index entries.
ROW_BYTES = 128
#: Room beyond the limit for news: a spool that has stopped reading still takes replies.
NEWS_BYTES = 256 * 1024
#: A file of this size beside the spool is given up when the disk is full: dropping needs room too.
RESERVE_BYTES = 512 * 1024
RESERVE_SUFFIX = ".reserve"
#: Answers that are remembered for each device; an older command has long expired.
REPLY_COUNT_MAX = 1_000
#: Pages of the log before it is written back: 1 MiB.
_CHECKPOINT_PAGES = 256
#: What a log that has grown is cut back to.
_LOG_BYTES_MAX = 4 * 1024 * 1024

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    serial TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    count INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS message_of_device ON message (serial, id);
CREATE INDEX IF NOT EXISTS message_by_priority ON message (priority, id);
CREATE INDEX IF NOT EXISTS message_of_epoch ON message (epoch) WHERE epoch <> 0;
CREATE TABLE IF NOT EXISTS gap (
    serial TEXT NOT NULL,
    kind TEXT NOT NULL,
    first_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    message_count INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (serial, kind)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reply (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    serial TEXT NOT NULL,
    command_id TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (serial, command_id)
);
CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class SpoolFile:
    """An open spool.

    Attributes:
        waiting_bytes, waiting_count: of the messages in it, with `ROW_BYTES` for each.
        dropped_count: messages that were lost for want of room since it is open.

    Raises:
        sqlite3.DatabaseError: the file is no spool, or is damaged.
    """

    def __init__(self, path: Path, bytes_max: int, when_full: WhenFull, first_id: int = 1) -> None:
        self._bytes_max = bytes_max
        self._when_full = when_full
        self.waiting_bytes = 0
        self.waiting_count = 0
        self.dropped_count = 0
        self._reserve = path.with_name(path.name + RESERVE_SUFFIX)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(first_id)
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Write the log back and close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens in the block, or nothing of it."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._count()
            raise

    def append(self, message: Message, kept: Container[int] = ()) -> int | None:
        """Keep a message; gives its id, ascending, or `None` where the message itself is dropped.

        Room is made as the policy says; messages whose ids are in `kept` are under way and stay.

        Raises:
            SpoolFullError: nothing may be dropped.
        """
        cost = len(message.body) + ROW_BYTES
        if not self._make_room(message, cost, kept):
            self._note_gap(gap_of(message))
            self.dropped_count += 1
            return None
        return self._insert(message, cost)

    def make_room(self, wanted_bytes: int, kept: Container[int]) -> bool:
        """Drop so much of what may be dropped, where the disk is full; false: nothing may be.

        SQLite rolls back what has found the disk full, so that this is a transaction before it.
        """
        if self._when_full is WhenFull.STOP_READING:
            return False
        # Writing the log back and dropping both need room before they give some.
        self._reserve.unlink(missing_ok=True)
        self._write_back()
        with self.transaction():
            is_done = self._drop(wanted_bytes, Priority.READING, kept)
        self._write_back()
        self._take_reserve()
        return is_done

    def remove(self, ids: Iterable[int]) -> None:
        """Forget messages that the broker has; unknown ids are passed over."""
        for id_ in ids:
            rows = self._connection.execute(
                "DELETE FROM message WHERE id = ? RETURNING length(body)", (id_,)
            ).fetchall()
            for (length,) in rows:
                self._count_out(length)

    def backlog(self, serial: str, after_id: int, limit: int) -> list[tuple[int, Message]]:
        """Give a device's messages whose times are right, in the order in which they came."""
        rows = self._connection.execute(
            "SELECT id, kind, body, first_us, last_us, count FROM message"
            " WHERE serial = ? AND id > ? AND epoch = 0 ORDER BY id LIMIT ?",
            (serial, after_id, limit),
        )
        return [(id_, Message(serial, kind, body, *rest)) for id_, kind, body, *rest in rows]

    def take_gaps(self) -> list[Gap]:
        """Give what was lost and not yet told, and forget it."""
        rows = self._connection.execute(
            "DELETE FROM gap RETURNING serial, kind, first_us, last_us, message_count, count"
        ).fetchall()
        return [Gap(*row) for row in rows]

    def note_gap(self, gap: Gap) -> None:
        """Remember what was lost until it is told."""
        self._note_gap(gap)

    def reply_to(self, serial: str, command_id: str) -> bytes | None:
        """Give the reply that a device gave last to a command; `None`: it has not seen it."""
        row = self._connection.execute(
            "SELECT body FROM reply WHERE serial = ? AND command_id = ?", (serial, command_id)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def remember_reply(self, serial: str, command_id: str, body: bytes) -> None:
        """Remember a reply in place of an earlier one; the oldest of many are forgotten."""
        self._connection.execute(
            "INSERT INTO reply (serial, command_id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (serial, command_id) DO UPDATE SET body = excluded.body",
            (serial, command_id, body),
        )
        self._connection.execute(
            "DELETE FROM reply WHERE id IN (SELECT id FROM reply WHERE serial = ?"
            " ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (serial, REPLY_COUNT_MAX),
        )

    def note(self, key: str) -> Any:
        """Give what was put down under a key; `None`: nothing."""
        row = self._connection.execute("SELECT value FROM note WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put_note(self, key: str, value: Any) -> None:
        """Put down something that is JSON."""
        self._connection.execute(
            "INSERT INTO note (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, json.dumps(value)),
        )

    def of_epochs(self, limit: int) -> list[tuple[int, Message]]:
        """Give messages whose times are not known to be right, of all devices."""
        rows = self._connection.execute(
            "SELECT id, serial, kind, body, first_us, last_us, count, epoch FROM message"
            " WHERE epoch <> 0 ORDER BY id LIMIT ?",
            (limit,),
        )
        return [(id_, Message(*rest)) for id_, *rest in rows]

    def replace(self, id_: int, message: Message) -> None:
        """Put a message in the place of one whose times were wrong."""
        self._connection.execute(
            "UPDATE message SET body = ?, first_us = ?, last_us = ?, epoch = ? WHERE id = ?",
            (message.body, message.first_us, message.last_us, message.epoch, id_),
        )

    def _prepare(self, first_id: int) -> None:
        execute = self._connection.execute
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = FULL")
        execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        execute(f"PRAGMA journal_size_limit = {_LOG_BYTES_MAX}")
        # Half a megabyte is enough for what is read and written here.
        execute("PRAGMA cache_size = -512")
        findings = [text for (text,) in execute("PRAGMA quick_check(1)")]
        if findings != ["ok"]:
            raise sqlite3.DatabaseError(findings[0])
        self._connection.executescript(_SCHEMA)
        if first_id > 1:
            execute("INSERT INTO sqlite_sequence VALUES ('message', ?)", (first_id - 1,))
        self._count()
        self._take_reserve()

    def _write_back(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _take_reserve(self) -> None:
        """Keep some room of the disk for the time when there is no other."""
        try:
            if self._reserve.stat().st_size == RESERVE_BYTES:
                return
        except FileNotFoundError:
            pass
        try:
            # Zeros would take no room on a disk that compresses.
            self._reserve.write_bytes(os.urandom(RESERVE_BYTES))
        except OSError:
            self._reserve.unlink(missing_ok=True)

    def _count(self) -> None:
        row = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM message"
        ).fetchone()
        self.waiting_count, body_bytes = row
        self.waiting_bytes = body_bytes + self.waiting_count * ROW_BYTES

    def _count_out(self, body_bytes: int) -> None:
        self.waiting_count -= 1
        self.waiting_bytes -= body_bytes + ROW_BYTES

    def _insert(self, message: Message, cost: int) -> int:
        cursor = self._connection.execute(
            "INSERT INTO message (serial, kind, priority, epoch, first_us, last_us, count, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message.serial,
                message.kind,
                message.priority,
                message.epoch,
                message.first_us,
                message.last_us,
                message.count,
                message.body,
            ),
        )
        self.waiting_count += 1
        self.waiting_bytes += cost
        assert cursor.lastrowid is not None  # noqa: S101 - an INSERT has one
        return cursor.lastrowid

    def _make_room(self, message: Message, cost: int, kept: Container[int]) -> bool:
        """Drop as little as lets the message in; false: what is there is more important."""
        over = self.waiting_bytes + cost - self._bytes_max
        if over <= 0:
            return True
        if self._when_full is WhenFull.STOP_READING:
            if message.priority is Priority.NEWS and over <= NEWS_BYTES:
                return True
            raise SpoolFullError(f"{self.waiting_bytes} bytes wait, {self._bytes_max} may")
        return self._drop(over, message.priority, kept)

    def _drop(self, wanted_bytes: int, priority: Priority, kept: Container[int]) -> bool:
        """Drop messages of at most a priority until so many bytes are free."""
        freed = 0
        chosen: list[Sequence[Any]] = []
        rows = self._connection.execute(
            "SELECT id, length(body), serial, kind, first_us, last_us, count FROM message"
            " WHERE priority <= ? ORDER BY priority, id",
            (priority,),
        )
        for row in rows:
            if freed >= wanted_bytes:
                break
            if row[0] not in kept:
                chosen.append(row)
                freed += row[1] + ROW_BYTES
        rows.close()
        for id_, length, serial, kind, first_us, last_us, count in chosen:
            self._connection.execute("DELETE FROM message WHERE id = ?", (id_,))
            self._count_out(length)
            self.dropped_count += 1
            self._note_gap(Gap(serial, kind, first_us, last_us, 1, count))
        return freed >= wanted_bytes

    def _note_gap(self, gap: Gap) -> None:
        self._connection.execute(
            "INSERT INTO gap VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (serial, kind) DO UPDATE SET"
            " first_us = min(first_us, excluded.first_us),"
            " last_us = max(last_us, excluded.last_us),"
            " message_count = message_count + excluded.message_count,"
            " count = count + excluded.count",
            (gap.serial, gap.kind, gap.first_us, gap.last_us, gap.message_count, gap.count),
        )
