"""The account of one publisher: what it attempted, and what the broker acknowledged.

One short line for each, written by one system call before the attempt and after the answer: a
`kill -9` can take away nothing that was written, and an answer that was not written down does not
count as an acknowledgement. The time on each line is for whoever looks for what happened.
"""

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

_ATTEMPTED = b"a"
_ACKNOWLEDGED = b"k"


@dataclass(frozen=True, slots=True)
class Account:
    """How often each message of a plan was attempted, and how often acknowledged."""

    attempted: Counter[int] = field(default_factory=Counter)
    acknowledged: Counter[int] = field(default_factory=Counter)


class AccountFile:
    """An open account; several processes may write it one after another."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        os.close(self._file)

    def attempt(self, index: int) -> None:
        self._write(_ATTEMPTED, index)

    def acknowledge(self, index: int) -> None:
        self._write(_ACKNOWLEDGED, index)

    def _write(self, mark: bytes, index: int) -> None:
        os.write(self._file, b"%s %d %.3f\n" % (mark, index, time.monotonic()))


def read_account(path: Path) -> Account:
    """Read an account; one that was never opened is empty."""
    account = Account()
    if not path.exists():
        return account
    for line in path.read_bytes().splitlines():
        mark, index, _ = line.split(b" ")
        counter = account.attempted if mark == _ATTEMPTED else account.acknowledged
        counter[int(index)] += 1
    return account
