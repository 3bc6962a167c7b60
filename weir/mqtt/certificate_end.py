"""When a certificate ends, read from its PEM file without a library for it.

Sources: RFC 5280, sections 4.1 (order of elements) and 4.1.2.5 (times); X.690, section 8.1 (DER).
"""

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path

from weir.errors import ConfigError

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _VERSION = 0x30, 0xA0
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
#: A first byte of a length with this bit says how many bytes of length follow.
_LONG = 0x80
#: UTCTime has two digits of the year; from here on they are of 1900.
_CENTURY = 50


def end_of_certificate(path: Path) -> datetime:
    """Give when the first certificate of a file ends, which is the one that it is about.

    Raises:
        ConfigError: there is no such file, or no certificate in it.
    """
    try:
        found = _CERTIFICATE.search(path.read_text(encoding="ascii", errors="replace"))
        return _end_of(ssl.PEM_cert_to_DER_cert(found.group() if found else ""))
    except OSError as error:
        raise ConfigError(f"TLS: {path}: {error.strerror}") from error
    except (ValueError, IndexError) as error:
        raise ConfigError(f"TLS: {path}: {error}") from error


def _end_of(certificate: bytes) -> datetime:
    body = _inside(certificate, _SEQUENCE)
    signed = _inside(body, _SEQUENCE)
    if signed[0] == _VERSION:
        signed = _after(signed)
    # The number, the algorithm, who has signed it; then from when until when it is good.
    for _ in range(3):
        signed = _after(signed)
    until = _after(_inside(signed, _SEQUENCE))
    text = _inside(until, until[0]).decode("ascii")
    if until[0] == _UTC_TIME:
        text = ("19" if int(text[:2]) >= _CENTURY else "20") + text
    elif until[0] != _GENERALIZED_TIME:
        raise ValueError("no certificate: it has no end")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _inside(element: bytes, tag: int) -> bytes:
    """Give the content of the first element."""
    start, end = _bounds(element)
    if element[0] != tag or end > len(element):
        raise ValueError("no certificate: it ends too early")
    return element[start:end]


def _after(element: bytes) -> bytes:
    """Give what follows the first element."""
    return element[_bounds(element)[1] :]


def _bounds(element: bytes) -> tuple[int, int]:
    """Tell where the content of the first element starts and ends."""
    length, start = element[1], 2
    if length & _LONG:
        count = length & ~_LONG
        start += count
        length = int.from_bytes(element[2:start])
    return start, start + length
