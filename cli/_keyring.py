"""Keeps tokens in the key ring of the system: Secret Service, Keychain, Credential Locker.

What it cannot keep, whoever asks keeps in a file of its own, and says so.
"""

import json
from collections.abc import Mapping
from typing import Any

SERVICE = "weir"


class KeyringUnusableError(Exception):
    """There is no key ring, or it refuses; the message says what would help."""


def keep(name: str, secrets: Mapping[str, str]) -> None:
    """Keep the secrets of a context in place of those that are there; none: forget it.

    Raises:
        KeyringUnusableError: it cannot be kept there.
    """
    keyring = _library()
    try:
        if secrets:
            keyring.set_password(SERVICE, name, json.dumps(secrets))
        elif keyring.get_password(SERVICE, name) is not None:
            keyring.delete_password(SERVICE, name)
    except keyring.errors.KeyringError as error:
        raise KeyringUnusableError(_reason(error)) from error


def recall(name: str) -> dict[str, str]:
    """Give the secrets of a context; none are kept: empty.

    Raises:
        KeyringUnusableError: it cannot be asked.
    """
    keyring = _library()
    try:
        kept = keyring.get_password(SERVICE, name)
        secrets = json.loads(kept) if kept else {}
    except keyring.errors.KeyringError as error:
        raise KeyringUnusableError(_reason(error)) from error
    except ValueError as error:
        raise KeyringUnusableError("what it has of this context is not ours") from error
    return {str(key): str(value) for key, value in dict(secrets).items()}


def _library() -> Any:
    # Few use it, and it takes its time to import.
    try:
        import keyring
        import keyring.errors
    except ModuleNotFoundError as error:
        raise KeyringUnusableError("it needs: pip install 'weir[keyring]'") from error
    return keyring


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
