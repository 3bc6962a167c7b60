"""The log file of a part: appended to by its process, kept small by the supervisor."""

import shutil
from pathlib import Path
from typing import BinaryIO

#: Of one file. There are two of a part: what it writes, and what it wrote before.
LOG_BYTES_MAX = 8 * 1024**2


def open_log(path: Path) -> BinaryIO:
    """Open a log file for a process to append to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def trim_log(path: Path, bytes_max: int = LOG_BYTES_MAX) -> None:
    """Set a log aside as `<name>.1` and empty it when it has become too large.

    The process keeps its file open, so the file is copied and emptied, not renamed. What is
    written in between is lost: a line or two in 8 MiB.
    """
    if not path.exists() or path.stat().st_size <= bytes_max:
        return
    shutil.copyfile(path, path.with_suffix(f"{path.suffix}.1"))
    with path.open("r+b") as file:
        file.truncate()
