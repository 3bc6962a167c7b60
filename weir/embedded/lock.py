"""One supervisor for each folder: a lock that ends with the process that holds it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weir.errors import ConfigError

LOCK_FILE = "lock"


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold the folder for the time of the block.

    Raises:
        ConfigError: another process holds it; the message has its pid.
    """
    descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"iotctl up runs already on {folder} (pid {file.read().strip() or 'unknown'}); "
                "see it with `iotctl status`, end it with `iotctl down`"
            ) from error
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
