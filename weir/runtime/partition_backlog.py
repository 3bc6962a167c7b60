"""What a partition worker has decoded and not yet committed: bounded, in stream order.

Filled while the previous transaction runs, and taken when it ends: the slower the database, the
larger and cheaper the next commit.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from weir.consumer import StreamMessage
from weir.ports import DeadLetter

Item = TypeVar("Item")

#: Bytes of messages waiting. With the decoded columns and the COPY buffer of the commit before,
#: the writer stays below 250 MB.
BACKLOG_BYTES_MAX = 16 * 1024 * 1024
#: Readings waiting: at two bytes a reading, bytes alone would allow eight million.
BACKLOG_ROWS_MAX = 200_000
#: Readings from which on a commit does not become cheaper by waiting for more.
PLENTY_ROWS = 5_000


@dataclass(slots=True)
class Entry(Generic[Item]):
    """What became of a message of a stream: an item, or a dead letter."""

    message: StreamMessage
    item: Item | None
    letter: DeadLetter | None
    weight: int = 1
    #: Its message is as the stream stores it, and not decoded yet.
    is_open: bool = False
    #: What it was made of, where it stands for several; `message` is then the last one's.
    parts: "tuple[Entry[Item], ...]" = ()
    routing_keys: Sequence[str] = ()


@dataclass(slots=True)
class Backlog(Generic[Item]):
    """Entries between the last commit and the reader; `next_offset` is behind the last of them.

    `admitted_offset`: nothing from there on is wanted yet; None: everything is.
    """

    next_offset: int
    admitted_offset: int | None = None
    _entries: list[Entry[Item]] = field(default_factory=list)
    _bytes: int = 0
    _rows: int = 0
    _filled: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _grown: asyncio.Event = field(default_factory=asyncio.Event)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether the reader must wait: one of the bounds is reached."""
        return self._bytes >= BACKLOG_BYTES_MAX or self._rows >= BACKLOG_ROWS_MAX

    @property
    def has_room(self) -> bool:
        """Whether the next message of the stream may be added."""
        is_admitted = self.admitted_offset is None or self.next_offset < self.admitted_offset
        return is_admitted and not self.is_full

    def add(self, entry: Entry[Item]) -> None:
        """Append the next message of the stream."""
        self._entries.append(entry)
        self._bytes += len(entry.message.body)
        self._rows += entry.weight
        self.next_offset = entry.message.offset + 1
        self._filled.set()
        self._grown.set()

    def admit(self, before: int) -> None:
        """Let the reader go on up to an offset."""
        self.admitted_offset = before
        self._room.set()

    async def wait_for_room(self) -> None:
        """Return when the reader may go on."""
        while not self.has_room:
            self._room.clear()
            await self._room.wait()

    async def wait_for_plenty(self, timeout_s: float) -> None:
        """Return when a commit of what there is does not gain by waiting, or after `timeout_s`."""
        await self._wait_until(lambda: self._rows >= PLENTY_ROWS or self.is_full, timeout_s)

    async def wait_for_offset(self, before: int, timeout_s: float) -> None:
        """Return when everything before an offset is here, or all that fits, or after a while."""
        await self._wait_until(lambda: self.next_offset >= before or self.is_full, timeout_s)

    async def _wait_until(self, is_enough: Callable[[], bool], timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not is_enough():
                    self._grown.clear()
                    await self._grown.wait()

    async def wait_for_entries(self, timeout_s: float | None = None) -> None:
        """Return when there is something to commit, or when `timeout_s` has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()

    def take(self, before: int, count_max: int | None = None) -> list[Entry[Item]]:
        """Take the entries before an offset, at most `count_max`; later ones stay."""
        if before >= self.next_offset and len(self._entries) <= (count_max or len(self._entries)):
            taken, self._entries = self._entries, []
            self._filled.clear()
        else:
            count = bisect_left(self._entries, before, key=_offset)
            count = min(count, count_max or count)
            taken, self._entries = self._entries[:count], self._entries[count:]
        self._bytes -= sum(len(entry.message.body) for entry in taken)
        self._rows -= sum(entry.weight for entry in taken)
        self._room.set()
        return taken


def _offset(entry: Entry[Item]) -> int:
    return entry.message.offset
