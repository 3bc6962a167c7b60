"""Files that only their owner may read: generated passwords, and what contains them."""

import os
import secrets
from pathlib import Path

from weir.embedded.account import Account

FILE_MODE = 0o600
FOLDER_MODE = 0o700
#: Of a generated password: 192 bits, in 32 characters that need no quoting in a URL.
PASSWORD_BYTES = 24


def private_folder(path: Path, account: Account | None = None) -> Path:
    """Make a folder for its owner alone, which may be another account; keeps what is in it."""
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if account:
        account.own(path)
    return path


def write_private(path: Path, text: str, account: Account | None = None) -> None:
    """Write a file for its owner alone, whole or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    if account:
        account.own(draft)
    draft.replace(path)


def password_in(path: Path) -> str:
    """Read the password in a file, generating it the first time."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(PASSWORD_BYTES))
    return path.read_text()
