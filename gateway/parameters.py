"""Parameters that several routes take, each with its bound."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.times import HELP, parse_instant
from weir.errors import RequestError
from weir.model.limits import FIELD_NAME_PATTERN
from weir.model.serial import SERIAL_PATTERN

PAGE_SIZE_MAX = 1_000
PAGE_SIZE = 100
_TEXT_LENGTH_MAX = 200
CURSOR_LENGTH_MAX = 15_000
_INSTANT_LENGTH_MAX = 64


def _check_printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are not accepted")
    return text


#: Anything that a person may have typed, without control characters.
Text = Annotated[str, Field(max_length=_TEXT_LENGTH_MAX), AfterValidator(_check_printable)]
Serial = Annotated[str, Field(pattern=f"^{SERIAL_PATTERN}$", description="serial of a device")]
FieldName = Annotated[str, Field(pattern=f"^{FIELD_NAME_PATTERN}$")]
#: `*` can be no part of a name.
FieldPattern = Annotated[str, Field(pattern=f"^({FIELD_NAME_PATTERN}|[*])+$", max_length=200)]
Cursor = Annotated[
    str | None,
    Field(
        max_length=CURSOR_LENGTH_MAX,
        pattern=r"^[A-Za-z0-9_-]*$",
        description="`next_cursor` of the page before",
    ),
]
InstantText = Annotated[str | None, Field(max_length=_INSTANT_LENGTH_MAX, description=HELP)]


class Query(BaseModel):
    """The query of a request; a parameter that the route does not know is an error."""

    model_config = ConfigDict(extra="forbid")


class PageQuery(Query):
    """The query of a list."""

    limit: int = Field(PAGE_SIZE, ge=1, le=PAGE_SIZE_MAX, description="most entries of the page")
    cursor: Cursor = None


def instant_or(default: datetime, text: str | None, now: datetime, name: str) -> datetime:
    """Read an instant that a query gives as `name`, or take the default.

    Raises:
        RequestError: the text is no instant.
    """
    return instant_or_none(text, now, name) or default


def instant_or_none(text: str | None, now: datetime, name: str) -> datetime | None:
    """Read an instant that a query gives as `name`, if it gives one.

    Raises:
        RequestError: the text is no instant.
    """
    if text is None:
        return None
    try:
        return parse_instant(text, now)
    except ValueError as error:
        raise RequestError(f"query.{name}: {error}") from error
