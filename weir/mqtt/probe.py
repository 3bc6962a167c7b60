"""Asks a broker whether it would let somebody in, by the first packet of MQTT alone.

Source: OASIS, "MQTT Version 3.1.1", sections 3.1 (CONNECT) and 3.2 (CONNACK).
"""

import asyncio
import ssl
from contextlib import suppress
from enum import Enum
from urllib.parse import urlsplit

from weir.errors import BrokerUnavailableError
from weir.mqtt.address import DEFAULT_PORTS

TIMEOUT_S = 5.0
_CONNECT, _CONNACK = 0x10, 0x20
_PROTOCOL = b"\x00\x04MQTT\x04"
_CLEAN, _USER, _PASSWORD = 0x02, 0x80, 0x40
_KEEP_ALIVE_S = 10
#: Type, length, session present, return code.
_CONNACK_BYTES = 4
_CLIENT_ID = "weir-doctor"


class Answer(Enum):
    """What the broker says to a stranger."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


async def try_to_connect(url: str, login: tuple[str, str] | None = None) -> Answer:
    """Send CONNECT and give the answer; a closed connection is a refusal.

    `url`: mqtt:// or mqtts://; a user in it is ignored. `login`: user and password, or none.

    Raises:
        BrokerUnavailableError: nobody answers at all.
    """
    parts = urlsplit(url)
    # Whose certificate it is does not matter to a stranger.
    tls = ssl._create_unverified_context() if parts.scheme == "mqtts" else None  # noqa: S323, SLF001
    port = parts.port or DEFAULT_PORTS[parts.scheme]
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
            try:
                writer.write(connect_packet(login))
                answer = await reader.read(_CONNACK_BYTES)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except ConnectionResetError:
        return Answer.REFUSED
    except (TimeoutError, OSError) as error:
        reason = str(error) or "no answer in time"
        raise BrokerUnavailableError(f"MQTT at {parts.hostname}:{port}: {reason}") from error
    is_accepted = len(answer) == _CONNACK_BYTES and answer[0] == _CONNACK and answer[3] == 0
    return Answer.ACCEPTED if is_accepted else Answer.REFUSED


def connect_packet(login: tuple[str, str] | None) -> bytes:
    """Spell CONNECT with a clean session; every text in it is short."""
    flags = _CLEAN | (_USER | _PASSWORD if login else 0)
    payload = _text(_CLIENT_ID) + b"".join(_text(text) for text in login or ())
    variable = _PROTOCOL + bytes([flags]) + _KEEP_ALIVE_S.to_bytes(2) + payload
    return bytes([_CONNECT, len(variable)]) + variable


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded
