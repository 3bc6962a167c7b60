"""Read and write JSON strictly: what two readers could understand differently is refused.

Python's reader takes more than the standard: NaN, keys that occur twice, halves of surrogate pairs,
and integers of any length. Source: RFC 8259, sections 4 (names), 6 (numbers) and 8 (strings).
"""

import json
from typing import Any

from weir.errors import DecodeError, ImplausibleReadingError


def parse_json(body: bytes) -> Any:
    """Read one JSON text in UTF-8.

    Raises:
        DecodeError: not UTF-8, not JSON, nested too deeply, or with a key twice in one object.
        ImplausibleReadingError: NaN, Infinity, or an integer of thousands of digits.
    """
    try:
        value = _DECODER.decode(body.decode("utf-8"))
        if b"\\u" in body:
            # Escapes can spell half a character, which no UTF-8 and no database can hold.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise DecodeError(f"not JSON: {error}") from error
    except UnicodeError as error:
        raise DecodeError(f"not UTF-8: {error}") from error
    except RecursionError as error:
        raise DecodeError("JSON that is nested too deeply") from error
    except ValueError as error:
        # Of what Python's reader raises, only its limit on digits is left.
        raise ImplausibleReadingError("an integer beyond 2^53, which doubles round") from error
    return value


def compact_json(value: Any) -> str:
    """Write JSON without spaces and with sorted keys: equal values give equal texts."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise DecodeError("a key that occurs twice in one JSON object")
    return members


def _refuse_constant(constant: str) -> None:
    raise ImplausibleReadingError(f"{constant} is not a finite number")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
