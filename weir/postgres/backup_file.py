"""The files of a backup: PostgreSQL's binary COPY, compressed with Zstandard."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from weir.errors import BackupError

FILE_MODE = 0o600
#: Read and handed on at a time.
BLOCK_BYTES = 1024 * 1024


class BackupWriter:
    """A new file that takes what a COPY gives; made by `new_file`."""

    def __init__(self, path: Path, stream: Any) -> None:
        self._path = path
        self._stream = stream

    async def write(self, content: bytes) -> None:
        """Compress and write, outside the event loop.

        Raises:
            BackupError: the disk is full, or gone.
        """
        with on_disk(self._path):
            await asyncio.to_thread(self._stream.write, content)


@asynccontextmanager
async def new_file(path: Path) -> AsyncIterator[BackupWriter]:
    """Make a file for its owner alone; it is on the disk when the block ends.

    Raises:
        BackupError: it cannot be made or written.
    """
    import pyarrow as pa

    with on_disk(path):
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")
    try:
        stream = pa.CompressedOutputStream(file, "zstd")
        yield BackupWriter(path, stream)
        with on_disk(path):
            # Closes the file as well, so what is on the disk is asked for through another.
            stream.close()
            _sync(path)
    finally:
        file.close()


async def read_blocks(path: Path) -> AsyncIterator[bytes]:
    """Give what was written, in blocks.

    Raises:
        BackupError: the file cannot be read, or is not compressed.
    """
    import pyarrow as pa

    with on_disk(path), path.open("rb") as file, pa.CompressedInputStream(file, "zstd") as stream:
        while block := await asyncio.to_thread(stream.read, BLOCK_BYTES):
            yield block


def sha256_of(path: Path) -> str:
    """Give the checksum of a file as it is on the disk.

    Raises:
        BackupError: it cannot be read.
    """
    with on_disk(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Say of which file an error of the disk is.

    Raises:
        BackupError: there was one.
    """
    try:
        yield
    except OSError as error:
        raise BackupError(f"{path}: {error.strerror or error}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
