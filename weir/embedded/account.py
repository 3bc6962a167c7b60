"""The unprivileged account that private servers run as when we are root.

PostgreSQL refuses to run as root, and RabbitMQ has no need to.
"""

import os
import pwd
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from weir.errors import ProcessError

ACCOUNT_NAME = "weir"


@dataclass(frozen=True, slots=True)
class Account:
    """A system account, by name and numbers."""

    name: str
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Make the account the owner of a folder with all in it, or of a file."""
        os.chown(path, self.uid, self.gid)
        for folder, folders, files in os.walk(path):
            for name in folders + files:
                # What a killed server left running may still remove files.
                with suppress(FileNotFoundError):
                    os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)

    def blocking_folder(self, path: Path) -> Path | None:
        """Find the first folder on the way to `path` that the account may not enter."""
        for folder in reversed(path.resolve().parents):
            if not self._may_enter(folder):
                return folder
        return None

    def _may_enter(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        if status.st_gid == self.gid:
            return bool(status.st_mode & 0o010)
        return bool(status.st_mode & 0o001)


def server_account() -> Account | None:
    """Give the account for private servers, creating it; `None` when we are not root.

    Raises:
        ProcessError: it does not exist and cannot be created.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        _create()
        entry = pwd.getpwnam(ACCOUNT_NAME)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create() -> None:
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    command = [useradd, "--system", "--user-group", "--no-create-home"]
    command += ["--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", None) or error
        raise ProcessError(
            f"servers do not run as root, and the account {ACCOUNT_NAME!r} for them "
            f"could not be created: {detail}"
        ) from error
