"""Names of commands: ascending with time, and never the same twice.

26 characters that can be read out: 48 bits of milliseconds since 1970 and 80 random ones, in
Crockford's base 32, lower case. Source: github.com/ulid/spec.
"""

from datetime import datetime

from weir.clock import to_us

RANDOM_BYTES = 10
COMMAND_ID_LENGTH = 26

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_BITS_PER_CHARACTER = 5
_US_PER_MS = 1_000


def command_id(instant: datetime, random: bytes) -> str:
    """Name what is requested at an instant; `random`: `RANDOM_BYTES` of them, unpredictable."""
    number = to_us(instant) // _US_PER_MS << 8 * RANDOM_BYTES | int.from_bytes(random)
    characters = []
    for _ in range(COMMAND_ID_LENGTH):
        number, rest = divmod(number, 1 << _BITS_PER_CHARACTER)
        characters.append(_ALPHABET[rest])
    return "".join(reversed(characters))
