"""The window of a range query over what devices told: [since, until), page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fastapi import Request
from pydantic import Field

from gateway.downloads import choose_format
from gateway.formats import Format, formats
from gateway.parameters import Cursor, InstantText, Query, Serial, instant_or
from gateway.times import format_instant
from weir.errors import RequestError
from weir.model.limits import OBSERVED_AT_MIN
from weir.postgres.queries.lanes import LAST_INSTANT

ROWS_MAX = 10_000
ROWS = 1_000
SERIALS_MAX = 100
_FORMAT_LENGTH_MAX = 32


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time: its start, but not its end."""

    since: datetime
    until: datetime


class WindowQuery(Query):
    """Which rows: those with `since` <= observed_at < `until`."""

    since: InstantText = None
    until: InstantText = None
    limit: int = Field(ROWS, ge=1, le=ROWS_MAX, description="most rows of the page")
    newest: bool = Field(
        default=False, description="the last `limit` rows of the window instead of the first"
    )
    cursor: Cursor = None
    format: str | None = Field(
        None,
        max_length=_FORMAT_LENGTH_MAX,
        description="instead of the header `Accept`; all but `json` are downloads of the whole "
        "window, without pages",
        json_schema_extra={"enum": ["json", *formats()]},
    )

    def kind(self, request: Request) -> Format | None:
        """Choose a format for a download; None: a page of JSON.

        Raises:
            RequestError: there is none of that name, or a download is to be continued.
        """
        kind = choose_format(self.format, request)
        if kind is not None and self.cursor:
            raise RequestError("query.cursor: a download has no pages; ask for JSON")
        return kind

    def window(self, now: datetime) -> Window:
        """Read the window.

        Raises:
            RequestError: a text is no instant, the window ends before it starts, or the newest rows
                are to have a second page.
        """
        return read_window(self, now)


class AnyDevicesQuery(WindowQuery):
    """Which rows, of which devices."""

    serial: list[Serial] = Field([], max_length=SERIALS_MAX, description="none: all devices")


class Windowed(Protocol):
    """A query with a window, page by page or only its newest rows."""

    since: str | None
    until: str | None
    newest: bool
    cursor: str | None


def read_window(query: Windowed, now: datetime) -> Window:
    """Read the window of a query.

    Raises:
        RequestError: a text is no instant, the window ends before it starts, or the newest rows are
            to have a second page.
    """
    if query.newest and query.cursor:
        raise RequestError("query.cursor: the newest rows have one page only")
    since = instant_or(OBSERVED_AT_MIN, query.since, now, "since")
    until = instant_or(LAST_INSTANT, query.until, now, "until")
    if since > until:
        raise RequestError(
            f"query.since: {format_instant(since)} is after until, {format_instant(until)}"
        )
    return Window(since, until)


def check_window(since: datetime, until: datetime) -> None:
    """Refuse a window without anything in it.

    Raises:
        RequestError: it ends before it has begun.
    """
    if since >= until:
        raise RequestError(
            f"query.since: {format_instant(since)} is not before until, {format_instant(until)}"
        )
