"""Log lines of devices: a window page by page, the newest, or what comes in."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi import Query as InQuery
from pydantic import BaseModel, Field

from gateway import cursors
from gateway.access import requires
from gateway.context import Context, InContext
from gateway.parameters import Cursor, InstantText, Query, Serial, Text, instant_or
from gateway.permissions import Permission
from gateway.times import Instant
from gateway.windows import SERIALS_MAX, Window, read_window
from weir.model.device_log import Level
from weir.model.limits import OBSERVED_AT_MIN
from weir.model.serial import SERIAL_PATTERN
from weir.postgres.queries.device_ids import find_device_ids
from weir.postgres.queries.lanes import LAST_INSTANT
from weir.postgres.queries.logs import (
    LogFilter,
    LogTail,
    StoredLine,
    begin_tail,
    continue_tail,
    list_lines,
    list_newest_lines,
)

router = APIRouter(prefix="/v1", tags=["logs"], dependencies=[requires(Permission.LOGS_READ)])

#: A line may have some 8 KiB.
LINES_MAX = 1_000
LINES = 200
#: Lines with which a live view begins.
TAIL_LINES = 10
SerialInPath = Annotated[str, Path(pattern=f"^{SERIAL_PATTERN}$", description="of a device")]


class LinesQuery(Query):
    """Which lines, whichever devices wrote them."""

    level: Level | None = Field(None, description="this bad or worse; absent: all")
    text: Text = Field("", description="anywhere in message or attributes, in whatever case")
    since: InstantText = None
    cursor: Cursor = None


class WindowQuery(LinesQuery):
    """Which lines of a window: those with `since` <= placed_at < `until`."""

    until: InstantText = None
    limit: int = Field(LINES, ge=1, le=LINES_MAX, description="most lines of the page")
    newest: bool = Field(
        default=False, description="the last `limit` lines of the window instead of the first"
    )


class LogsQuery(WindowQuery):
    """Which lines, of which devices."""

    serial: list[Serial] = Field([], max_length=SERIALS_MAX, description="none: all devices")


class DeviceTailQuery(LinesQuery):
    """What has come in since the last call; `since` is for the first one."""

    limit: int | None = Field(None, ge=1, le=LINES_MAX, description="most lines to give")


class TailQuery(DeviceTailQuery):
    """What has come in since the last call, of which devices."""

    serial: list[Serial] = Field([], max_length=SERIALS_MAX, description="none: all devices")


class LogLine(BaseModel):
    """A line that a device wrote to its log."""

    serial: str
    placed_at: Instant = Field(
        description="where it stands in time: `logged_at` where that can be, else `received_at`"
    )
    level: Level
    message: str
    attributes: dict[str, str]
    logged_at: Instant | None = Field(description="what its device says; null: nothing")
    received_at: Instant


class LogPage(BaseModel):
    """Log lines, ascending by `placed_at`."""

    logs: list[LogLine]
    next_cursor: str | None = Field(description="null: this was the last page")


class LogTailPage(BaseModel):
    """Log lines in the order in which they came."""

    logs: list[LogLine]
    cursor: str = Field(description="for the next call: neither skips a line nor repeats one")


@router.get("/logs")
async def get_logs(query: Annotated[LogsQuery, InQuery()], context: InContext) -> LogPage:
    """Read a window of log lines, of some devices or of all.

    Lines are kept for some days (`WEIR_DEVICE_LOG_DAYS`). A window is read page by page with
    `cursor`, which also keeps its end.
    """
    return await _page(context, query, query.serial)


@router.get("/logs/tail")
async def get_logs_tail(query: Annotated[TailQuery, InQuery()], context: InContext) -> LogTailPage:
    """Follow the log: the newest lines first, then, with `cursor`, what has come since.

    Each line is given once, in the order in which it came, whatever its time.
    """
    return await _tail(context, query, query.serial)


@router.get("/devices/{serial}/logs")
async def get_device_logs(
    serial: SerialInPath, query: Annotated[WindowQuery, InQuery()], context: InContext
) -> LogPage:
    """Read a window of the log lines of one device, as `/v1/logs` does."""
    return await _page(context, query, [serial])


@router.get("/devices/{serial}/logs/tail")
async def get_device_logs_tail(
    serial: SerialInPath, query: Annotated[DeviceTailQuery, InQuery()], context: InContext
) -> LogTailPage:
    """Follow the log of one device, as `/v1/logs/tail` does."""
    return await _tail(context, query, [serial])


async def _page(context: Context, query: WindowQuery, serials: Sequence[str]) -> LogPage:
    window = read_window(query, context.now())
    until, after = window.until, None
    if query.cursor:
        until, after = cursors.decode_log_page(query.cursor)
    wanted = await _filter(context, query, serials, Window(window.since, until))
    wanted = replace(wanted, after=after)
    if query.newest:
        found = await list_newest_lines(context.pool, wanted, query.limit)
        return LogPage(logs=[_line(each) for each in found], next_cursor=None)
    # One more than asked for tells whether there is another page.
    found = await list_lines(context.pool, wanted, query.limit + 1)
    page = found[: query.limit]
    has_more = len(found) > query.limit
    return LogPage(
        logs=[_line(each) for each in page],
        next_cursor=cursors.encode_log_page(until, page[-1].place) if has_more else None,
    )


async def _tail(context: Context, query: DeviceTailQuery, serials: Sequence[str]) -> LogTailPage:
    if query.cursor:
        # Whatever its time: a line that comes late has come now.
        everything = Window(OBSERVED_AT_MIN, LAST_INSTANT)
        wanted = await _filter(context, query, serials, everything)
        position = cursors.decode_log_tail(query.cursor)
        limit = query.limit or LINES
        return _tail_page(await continue_tail(context.pool, wanted, position, limit))
    since = instant_or(OBSERVED_AT_MIN, query.since, context.now(), "since")
    wanted = await _filter(context, query, serials, Window(since, LAST_INSTANT))
    return _tail_page(await begin_tail(context.pool, wanted, query.limit or TAIL_LINES))


async def _filter(
    context: Context, query: LinesQuery, serials: Sequence[str], window: Window
) -> LogFilter:
    devices = await find_device_ids(context.pool, serials) if serials else {}
    return LogFilter(window.since, window.until, list(devices.values()), query.level, query.text)


def _tail_page(tail: LogTail) -> LogTailPage:
    return LogTailPage(
        logs=[_line(each) for each in tail.lines], cursor=cursors.encode_log_tail(tail.position)
    )


def _line(stored: StoredLine) -> LogLine:
    return LogLine.model_construct(
        serial=stored.serial,
        placed_at=stored.place.placed_at,
        level=stored.level,
        message=stored.message,
        attributes=json.loads(stored.attributes),
        logged_at=stored.logged_at,
        received_at=stored.received_at,
    )
