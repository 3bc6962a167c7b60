"""The log lines of devices as JSON lines in a file that is rotated by size.

One writer per folder. What has been written survives the end of the process, however it ends; it is
left to the operating system when it reaches the disk, so a power cut may cost the last seconds.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from weir.clock import from_us, iso
from weir.errors import ConfigError, StoreUnavailableError
from weir.model.device_log import LogBatch, LogEntry

FILE_NAME = "devices.jsonl"
#: With the older files, `devices.jsonl.1` (the newest) and so on, half a gigabyte.
FILE_BYTES_MAX = 64 * 1024**2
FILE_COUNT_MAX = 8

_LOCK_NAME = "devices.lock"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The last microsecond that has a date with four digits for the year.
_INSTANT_US_MAX = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


class DeviceLogFile:
    """Appends to `<folder>/devices.jsonl`; opened, and locked, by the first write."""

    def __init__(
        self, folder: Path, bytes_max: int = FILE_BYTES_MAX, count_max: int = FILE_COUNT_MAX
    ) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._count_max = count_max
        self._lock: int | None = None
        self._file: int | None = None
        self._size = 0

    async def write(self, batches: Sequence[LogBatch]) -> None:
        """Append the lines; on return they survive the end of this process.

        Raises:
            ConfigError: another process writes there.
            StoreUnavailableError: the disk is full or gone; nothing of this was written.
        """
        lines = b"".join(
            format_line(batch.serial, from_us(batch.received_at_us), entry)
            for batch in batches
            for entry in batch.entries
        )
        if not lines:
            return
        try:
            # A slow disk must not stop the heartbeats of the connection to the broker.
            await asyncio.to_thread(self._append, lines)
        except OSError as error:
            self.close()
            raise StoreUnavailableError(f"device log: {error}") from error

    def close(self) -> None:
        """Close the file and let others write it; the next write opens it again."""
        for descriptor in (self._file, self._lock):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._lock = None

    def _append(self, lines: bytes) -> None:
        if self._file is None:
            self._open()
        if self._size > 0 and self._size + len(lines) > self._bytes_max:
            self._rotate()
        assert self._file is not None  # noqa: S101 - opened above
        written = os.write(self._file, lines)
        if written < len(lines):
            # A full disk takes what fits. All of it will be written again, so take that back.
            os.ftruncate(self._file, self._size)
            raise OSError(f"only {written} of {len(lines)} bytes were written")
        self._size += written

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = _lock(self._folder / _LOCK_NAME)
        self._file = os.open(
            self._folder / FILE_NAME, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640
        )
        self._size = os.fstat(self._file).st_size
        if self._size and os.pread(self._file, 1, self._size - 1) != b"\n":
            # The process was killed in the middle of a line. It was not acknowledged, so it
            # comes again; ending it keeps the next line whole. Never shortened: whoever follows
            # the file would take that for a new one.
            self._size += os.write(self._file, b"\n")

    def _rotate(self) -> None:
        assert self._file is not None  # noqa: S101 - rotated while open
        os.close(self._file)
        self._file = None
        names = [FILE_NAME, *(f"{FILE_NAME}.{age}" for age in range(1, self._count_max))]
        # From the oldest on, so that being killed in between loses nothing but the oldest.
        for younger, older in reversed(list(pairwise(names))):
            if (self._folder / younger).exists():
                (self._folder / younger).replace(self._folder / older)
        self._open()


def format_line(serial: str, received_at: datetime, entry: LogEntry) -> bytes:
    """Write one log entry as a line of JSON; a time that the device did not know is null."""
    fields = {
        "logged_at": _iso(entry.logged_at_us),
        "received_at": iso(received_at),
        "serial": serial,
        "level": entry.level.value,
        "message": entry.message,
        "attributes": entry.attributes,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _iso(instant_us: int) -> str | None:
    if not 0 < instant_us <= _INSTANT_US_MAX:
        return None
    return iso(_EPOCH + timedelta(microseconds=instant_us))


def _lock(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise ConfigError(f"another process writes the device logs in {path.parent}") from error
    return descriptor
