"""A device's serial: its identity on the wire and in the database."""

import re

from weir.errors import WrongSerialError

SERIAL_PATTERN = r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}"
_SERIAL = re.compile(SERIAL_PATTERN)


def is_serial(text: str) -> bool:
    """Whether `text` may name a device: case-sensitive, 1 to 63 characters, no dots."""
    return _SERIAL.fullmatch(text) is not None


def check_serial(text: str) -> str:
    """Give back `text` when it may name a device.

    Raises:
        WrongSerialError: it may not.
    """
    # As `is_serial`, without a second call: every reading comes through here.
    if _SERIAL.fullmatch(text) is None:
        raise WrongSerialError(
            f"not a serial: {text[:80]!r} (letters, digits, _ and -, at most 63; no _ or - first)"
        )
    return text


def check_same_serial(claimed: str, serial: str) -> None:
    """Let a payload pass that claims nothing, or the serial of its routing key.

    Raises:
        WrongSerialError: the payload names another device.
    """
    if claimed and claimed != serial:
        raise WrongSerialError(f"the payload names {claimed[:80]!r}, the routing key {serial!r}")
