"""What a partition worker has read and not yet committed: bounded, in stream order.

Filled while the previous transaction runs, and taken when it ends: the slower the database, the
larger and cheaper the next commit.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from weir.runtime.partition_entry import Piece, Run

Item = TypeVar("Item")

#: Bytes of messages waiting, save what the last chunk brings beyond it. With the decoded columns
#: and the COPY buffer of the commit before, the writer stays below 250 MB.
BACKLOG_BYTES_MAX = 16 * 1024 * 1024
#: Readings waiting: at two bytes a reading, bytes alone would allow eight million. A small message
#: counts as one until it is decoded.
BACKLOG_ROWS_MAX = 200_000
#: Readings from which on a commit does not become cheaper by waiting for more.
PLENTY_ROWS = 5_000
#: Messages that one commit decodes, small ones: some ten milliseconds if none looks like another.
OPENED_AT_ONCE_MAX = 2_048


@dataclass(slots=True)
class Backlog(Generic[Item]):
    """Pieces between the last commit and the reader; `next_offset` is behind the last of them.

    `admitted_offset`: nothing from there on is wanted yet; None: everything is.
    """

    next_offset: int
    admitted_offset: int | None = None
    _pieces: deque[Piece[Item]] = field(default_factory=deque)
    _bytes: int = 0
    _rows: int = 0
    _unopened_count: int = 0
    _filled: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _grown: asyncio.Event = field(default_factory=asyncio.Event)
    _is_enough: Callable[[], bool] = lambda: False

    def __bool__(self) -> bool:
        return bool(self._pieces)

    @property
    def is_full(self) -> bool:
        """Whether the reader must wait: one of the bounds is reached."""
        return self._bytes >= BACKLOG_BYTES_MAX or self._rows >= BACKLOG_ROWS_MAX

    @property
    def is_plenty(self) -> bool:
        """Whether a commit of what there is does not gain by waiting."""
        is_much = self._rows >= PLENTY_ROWS or self._unopened_count >= OPENED_AT_ONCE_MAX
        return is_much or self.is_full

    @property
    def has_room(self) -> bool:
        """Whether the next message of the stream may be added."""
        is_admitted = self.admitted_offset is None or self.next_offset < self.admitted_offset
        return is_admitted and not self.is_full

    def add(self, piece: Piece[Item]) -> None:
        """Append what comes next in the stream."""
        self._pieces.append(piece)
        self._count(piece, 1)
        self.next_offset = piece.next_offset
        self._filled.set()
        # Whoever waits for more is not woken by each piece.
        if self._is_enough():
            self._grown.set()

    def _count(self, piece: Piece[Item], sign: int) -> None:
        self._bytes += sign * piece.byte_count
        self._rows += sign * piece.weight
        if isinstance(piece, Run):
            self._unopened_count += sign * piece.message_count

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
        await self._wait_until(lambda: self.is_plenty, timeout_s)

    async def wait_for_offset(self, before: int, timeout_s: float) -> None:
        """Return when everything before an offset is here, or all that fits, or after a while."""
        await self._wait_until(lambda: self.next_offset >= before or self.is_full, timeout_s)

    async def _wait_until(self, is_enough: Callable[[], bool], timeout_s: float) -> None:
        if is_enough():
            return
        self._grown.clear()
        self._is_enough = is_enough
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._grown.wait()
        self._is_enough = lambda: False

    async def wait_for_entries(self, timeout_s: float | None = None) -> None:
        """Return when there is something to commit, or when `timeout_s` has passed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()

    def take(self, before: int, count_max: int | None = None) -> list[Piece[Item]]:
        """Take the messages before an offset, at most `count_max`; later ones stay."""
        pieces, taken = self._pieces, []
        room = sys.maxsize if count_max is None else count_max
        while pieces and room and pieces[0].first_offset < before:
            piece = pieces.popleft()
            count = min(room, before - piece.first_offset)
            if isinstance(piece, Run) and piece.message_count > count:
                piece, rest = piece.cut(count)
                pieces.appendleft(rest)
            self._count(piece, -1)
            room -= piece.message_count
            taken.append(piece)
        if not pieces:
            self._filled.clear()
        self._room.set()
        return taken
