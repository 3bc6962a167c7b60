"""The spool for an event loop: one thread, and one transaction for all that is asked meanwhile."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog

from producers.agent.configuration import WhenFull
from producers.agent.message import Gap, Message
from producers.agent.spool_file import RESERVE_SUFFIX, SpoolFile
from weir.errors import ConfigError, SpoolFullError

log = structlog.get_logger()

T = TypeVar("T")

#: What was acknowledged is forgotten with the next transaction, at the latest after this.
REMOVE_DELAY_S = 1.0
#: A damaged file keeps this in its name, and a number.
ASIDE_SUFFIX = ".damaged"
#: What is dropped at first to make room on a disk that is full, then twice as much, and so on.
_FREED_BYTES = 16 * 1024
_ATTEMPTS = 6
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@dataclass(frozen=True, slots=True)
class SpoolLimits:
    """How much may wait, and what happens then."""

    bytes_max: int
    when_full: WhenFull = WhenFull.DROP_OLDEST


@dataclass(slots=True)
class _Request:
    action: Callable[[SpoolFile], Any]
    future: "asyncio.Future[Any]"


class Spool:
    """An asynchronous context manager around a `SpoolFile`.

    Attributes:
        under_way: ids of messages that are being published; they are not dropped.
        set_aside: damaged files that were put aside since the start.

    Args:
        path: of the file, made when it is missing.
        limits: how much may wait.
    """

    def __init__(self, path: Path, limits: SpoolLimits) -> None:
        self.path = path
        self.under_way: set[int] = set()
        self.set_aside: list[Path] = []
        self._limits = limits
        self._file: SpoolFile | None = None
        self._last_id = 0
        self._thread = ThreadPoolExecutor(1, "spool")
        self._requests: list[_Request] = []
        self._removed: list[int] = []
        self._asked = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    @property
    def waiting_bytes(self) -> int:
        """How much waits, as `bytes_max` counts it."""
        return 0 if self._file is None else self._file.waiting_bytes

    @property
    def waiting_count(self) -> int:
        """How many messages wait."""
        return 0 if self._file is None else self._file.waiting_count

    @property
    def dropped_count(self) -> int:
        """How many messages were lost for want of room since the start."""
        return 0 if self._file is None else self._file.dropped_count

    @property
    def is_full(self) -> bool:
        """Whether readings would find no room."""
        return self.waiting_bytes >= self._limits.bytes_max

    async def __aenter__(self) -> Self:
        """Open the file; a damaged one is put aside and a new one begun.

        Raises:
            ConfigError: there can be no file.
        """
        await self._in_thread(self._open)
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Write down what was acknowledged, and close the file."""
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        await self._in_thread(lambda: self._alone(lambda file: file.remove(self._removed)))
        await self._in_thread(self._close)
        self._thread.shutdown(wait=False)

    async def do(self, action: Callable[[SpoolFile], T]) -> T:
        """Do something with the file in a transaction; returns when the disk has it.

        Raises:
            SpoolFullError: there is no room.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._requests.append(_Request(action, future))
        self._asked.set()
        return await future

    async def append(self, *messages: Message) -> list[int | None]:
        """Keep messages; gives their ids, `None` for one that had to be dropped.

        Raises:
            SpoolFullError: there is no room.
        """
        return await self.do(lambda file: [file.append(m, self.under_way) for m in messages])

    def remove(self, ids: Iterable[int]) -> None:
        """Forget messages that the broker has; a crash may bring them back for a second time."""
        self._removed.extend(ids)

    async def take_gaps(self) -> list[Gap]:
        """Give what was lost and not yet told, and forget it."""
        return await self.do(SpoolFile.take_gaps)

    async def _work(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(REMOVE_DELAY_S):
                    await self._asked.wait()
            self._asked.clear()
            requests, self._requests = self._requests, []
            removed, self._removed = self._removed, []
            if requests or removed:
                await self._carry_out(requests, removed)

    async def _carry_out(self, requests: list[_Request], removed: list[int]) -> None:
        try:
            outcomes = await self._in_thread(lambda: self._run(requests, removed))
        except BaseException as error:
            # Nobody may wait for ever for an answer that does not come.
            self._settle(requests, [error] * len(requests))
            raise
        self.under_way.difference_update(removed)
        self._settle(requests, outcomes)

    def _settle(self, requests: list[_Request], outcomes: list[Any]) -> None:
        for request, outcome in zip(requests, outcomes, strict=True):
            if request.future.done():
                continue
            if isinstance(outcome, BaseException):
                request.future.set_exception(outcome)
            else:
                request.future.set_result(outcome)

    def _run(self, requests: list[_Request], removed: list[int]) -> list[Any]:
        """Do all in one transaction; where that fails, each in one of its own."""
        try:
            return self._together(requests, removed)
        except (sqlite3.DatabaseError, SpoolFullError) as error:
            if _code(error) in _DAMAGED:
                self._put_aside(error)
        outcomes = [self._alone(request.action) for request in requests]
        self._alone(lambda file: file.remove(removed))
        return outcomes

    def _together(self, requests: list[_Request], removed: list[int]) -> list[Any]:
        file = self._opened
        with file.transaction():
            file.remove(removed)
            outcomes = [request.action(file) for request in requests]
        self._remember_ids(outcomes)
        return outcomes

    def _alone(self, action: Callable[[SpoolFile], Any]) -> Any:
        error: sqlite3.Error | None = None
        for attempt in range(_ATTEMPTS):
            try:
                with self._opened.transaction():
                    outcome = action(self._opened)
            except SpoolFullError as refusal:
                return refusal
            except sqlite3.DatabaseError as failure:
                error = failure
                if not self._mend(failure, attempt):
                    break
            else:
                self._remember_ids([outcome])
                return outcome
        return SpoolFullError(f"{self.path}: {error}")

    def _mend(self, error: sqlite3.DatabaseError, attempt: int) -> bool:
        """Do what lets a transaction that has failed be tried again; false: nothing does."""
        code = _code(error)
        if code in _DAMAGED:
            self._put_aside(error)
            return True
        if code != sqlite3.SQLITE_FULL:
            return False
        try:
            # Whole pages must become free, of the table and of its indexes.
            return self._opened.make_room(_FREED_BYTES << attempt, self.under_way)
        except sqlite3.DatabaseError:
            return False

    def _remember_ids(self, outcomes: list[Any]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, list):
                ids = [id_ for id_ in outcome if isinstance(id_, int)]
                self._last_id = max(self._last_id, *ids, 0)

    @property
    def _opened(self) -> SpoolFile:
        assert self._file is not None, "used outside of its block"  # noqa: S101 - our callers
        return self._file

    def _open(self) -> None:
        limits = self._limits
        for is_first in (True, False):
            try:
                self._make_private()
                self._file = SpoolFile(
                    self.path, limits.bytes_max, limits.when_full, self._last_id + 1
                )
            except OSError as error:
                raise ConfigError(f"spool {self.path}: {error.strerror}") from error
            except sqlite3.DatabaseError as error:
                if not is_first:
                    raise ConfigError(f"spool {self.path}: {error}") from error
                if isinstance(error, sqlite3.OperationalError):
                    # A disk without room for the log; a new file would not help.
                    self.path.with_name(self.path.name + RESERVE_SUFFIX).unlink(missing_ok=True)
                else:
                    self._move_aside(error)
            else:
                return

    def _make_private(self) -> None:
        """Make the file for its owner alone, who also gets the log beside it."""
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))

    def _put_aside(self, error: BaseException) -> None:
        self._close()
        self._move_aside(error)
        self._open()

    def _move_aside(self, error: BaseException) -> None:
        number = 1
        while (aside := self.path.with_name(f"{self.path.name}{ASIDE_SUFFIX}-{number}")).exists():
            number += 1
        self.path.rename(aside)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").rename(f"{aside}{suffix}")
        self.set_aside.append(aside)
        log.error("spool_damage_found", file=str(aside), reason=str(error))

    def _close(self) -> None:
        with suppress(sqlite3.Error):
            self._opened.close()

    async def _in_thread(self, action: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, action)


def _code(error: BaseException) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
