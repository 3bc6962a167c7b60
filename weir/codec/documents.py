"""JSON objects that come from outside and are kept: what every reader of them understands alike."""

from dataclasses import dataclass
from math import isfinite
from typing import Any

from weir.codec.json_text import compact_json
from weir.errors import DecodeError, ImplausibleReadingError, OversizeError
from weir.model.limits import INTEGER_MAGNITUDE_MAX


@dataclass(frozen=True, slots=True)
class DocumentBounds:
    """How large a document may be: bytes of compact text, and levels with the outermost."""

    bytes_max: int
    depth_max: int


def document_text(what: str, document: dict[str, Any], bounds: DocumentBounds) -> str:
    """Give a parsed JSON object as compact text; `what` names it in messages.

    Raises:
        DecodeError: nested too deeply.
        OversizeError: its text has too many bytes.
        ImplausibleReadingError: U+0000, or a number that no double holds exactly.
    """
    check_storable(what, document, bounds.depth_max)
    text = compact_json(document)
    if len(text.encode("utf-8")) > bounds.bytes_max:
        raise OversizeError(f"{what}: over {bounds.bytes_max} bytes of data")
    return text


def check_storable(what: str, value: Any, depth_max: int) -> None:
    """Let pass what PostgreSQL's `jsonb` stores and every reader of it understands alike.

    Raises:
        DecodeError: objects and lists inside each other over `depth_max` levels.
        ImplausibleReadingError: U+0000, or a number that no double holds exactly.
    """
    _check(what, value, depth_max, depth_max)


def _check(what: str, value: Any, depth_max: int, depth_left: int) -> None:
    match value:
        case str():
            if "\0" in value:
                raise ImplausibleReadingError(f"{what}: the data contains U+0000")
        case int():
            if abs(value) > INTEGER_MAGNITUDE_MAX:
                raise ImplausibleReadingError(
                    f"{what}: an integer beyond 2^53, which doubles round"
                )
        case float():
            if not isfinite(value):
                raise ImplausibleReadingError(f"{what}: a number that no double can hold")
        case dict() | list():
            if depth_left == 0:
                raise DecodeError(f"{what}: data nested over {depth_max} levels deep")
            # Keys are texts too.
            for element in (*value, *value.values()) if isinstance(value, dict) else value:
                _check(what, element, depth_max, depth_left - 1)
