"""Keeps the configuration file: stores what comes from afar, notices what is changed by hand."""

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from producers.agent.file import AgentFile, read_file, with_document, write_file
from weir.errors import ConfigError

log = structlog.get_logger()

#: How soon a change by hand is noticed.
LOOK_INTERVAL_S = 2.0


class FileKeeper:
    """The file that an agent runs with.

    Attributes:
        file: as it is in force.
    """

    def __init__(self, file: AgentFile) -> None:
        self.file = file
        self._lock = asyncio.Lock()
        self._seen = self._mark()

    async def store(self, serial: str, document: Mapping[str, Any]) -> None:
        """Write another document of a device into the file, and take it into force.

        Raises:
            ConfigError: it would be wrong, or cannot be written; the file is as it was.
        """
        async with self._lock:
            base, is_edited = self.file, self._mark() != self._seen
            if is_edited:
                # Somebody is faster: what they wrote stays, and comes into force in its turn.
                base = await asyncio.to_thread(read_file, self.file.path)
            await asyncio.to_thread(write_file, with_document(base, serial, document))
            self.file = with_document(self.file, serial, document)
            self._seen = None if is_edited else self._mark()

    async def next_change(self) -> AgentFile:
        """Wait until somebody has changed the file to something good; a bad one is logged once."""
        while True:
            await asyncio.sleep(LOOK_INTERVAL_S)
            async with self._lock:
                mark = self._mark()
                if mark is None or mark == self._seen:
                    continue
                self._seen = mark
                try:
                    changed = await asyncio.to_thread(read_file, self.file.path)
                except ConfigError as error:
                    log.error("configuration_rejected", reason=str(error))  # noqa: TRY400 - said
                    continue
                if changed.raw == self.file.raw:
                    continue
                return changed

    def accept(self, file: AgentFile) -> None:
        """Take a changed file into force."""
        self.file = file

    def _mark(self) -> tuple[int, int, int] | None:
        try:
            status = self.file.path.stat()
        except OSError:
            # In the middle of being replaced, or gone: what is in force stays.
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
