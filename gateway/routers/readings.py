"""Readings of a device: a window page by page, the newest, or what comes in."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import BaseModel, Field

from gateway import cursors
from gateway.access import requires
from gateway.context import InContext
from gateway.parameters import Cursor, FieldName, InstantText, Query, Serial, instant_or
from gateway.permissions import Permission
from gateway.times import Instant
from weir.errors import RequestError
from weir.model.limits import FIELD_COUNT_MAX, OBSERVED_AT_MIN
from weir.postgres.queries import readings as stored
from weir.postgres.queries.lanes import LAST_INSTANT, lanes_of, starts_after, starts_in_each
from weir.postgres.queries.series import Series, find_series

router = APIRouter(
    prefix="/v1/readings", tags=["readings"], dependencies=[requires(Permission.READINGS_READ)]
)

READINGS_MAX = 10_000
READINGS = 1_000
#: Readings with which a live view begins.
TAIL_READINGS = 10
#: Fields that are followed at once: their cursor must fit into a query.
FOLLOWED_MAX = 400


class SeriesQuery(Query):
    """Of which device, and which of its fields."""

    serial: Serial
    field: list[FieldName] = Field([], max_length=FIELD_COUNT_MAX, description="none: all fields")


class ReadingsQuery(SeriesQuery):
    """Which readings: those with `since` <= observed_at < `until`."""

    since: InstantText = None
    until: InstantText = None
    limit: int = Field(READINGS, ge=1, le=READINGS_MAX, description="most readings of the page")
    newest: bool = Field(
        default=False, description="the last `limit` readings of the window instead of the first"
    )
    cursor: Cursor = None


class TailQuery(SeriesQuery):
    """What has come in since the last call."""

    limit: int | None = Field(None, ge=1, le=READINGS, description="most readings to give")
    cursor: Cursor = None


class Reading(BaseModel):
    """One measured value."""

    field: str
    observed_at: Instant
    value: float | str
    unit: str


class ReadingPage(BaseModel):
    """Readings, ascending by time."""

    readings: list[Reading]
    next_cursor: str | None = Field(description="null: this was the last page")


class TailPage(BaseModel):
    """Readings that have come in, in each field ascending by time."""

    readings: list[Reading]
    cursor: str = Field(description="for the next call")


@router.get("")
async def get_readings(
    query: Annotated[ReadingsQuery, InQuery()], context: InContext
) -> ReadingPage:
    """Read a window of a device's readings.

    A window is read page by page with `cursor`, which also keeps its end: a relative `until` stays
    where it was for the first page.
    """
    if query.newest and query.cursor:
        raise RequestError("query.cursor: the newest readings have one page only")
    now = context.now()
    since = instant_or(OBSERVED_AT_MIN, query.since, now, "since")
    until, after = instant_or(LAST_INSTANT, query.until, now, "until"), None
    if query.cursor:
        until, after = cursors.decode_page(query.cursor)
    series = await find_series(context.pool, [query.serial], query.field)
    starts = starts_after(lanes_of(each.series_id for each in series), since, after)
    if query.newest:
        found = await stored.read_newest(context.pool, starts, until, query.limit)
        return ReadingPage(readings=_name(found, series), next_cursor=None)
    # One more than asked for tells whether there is another page.
    found = await stored.read_ascending(context.pool, starts, until, query.limit + 1)
    page = found[: query.limit]
    has_more = len(found) > query.limit
    return ReadingPage(
        readings=_name(page, series),
        next_cursor=cursors.encode_page(until, page[-1].position) if has_more else None,
    )


@router.get("/tail")
async def get_tail(query: Annotated[TailQuery, InQuery()], context: InContext) -> TailPage:
    """Follow a device: the newest readings first, then, with `cursor`, what has come since.

    Each reading is given once. In a field, one that comes late, with a time before the last that
    was given, is left to `/v1/readings`.
    """
    series = await find_series(context.pool, [query.serial], query.field)
    if len(series) > FOLLOWED_MAX:
        raise RequestError(
            f"query.field: the device has {len(series)} fields; "
            f"name those to follow, at most {FOLLOWED_MAX}"
        )
    seen = cursors.decode_view(query.cursor) if query.cursor else {}
    lanes = lanes_of(each.series_id for each in series)
    starts = starts_in_each(lanes, OBSERVED_AT_MIN, seen)
    if query.cursor:
        limit = query.limit or READINGS
        found = given = await stored.read_ascending(context.pool, starts, LAST_INSTANT, limit)
    else:
        # Of each field, because the next call continues behind the newest of each.
        limit = query.limit or TAIL_READINGS
        found = await stored.read_newest_of_each(context.pool, starts, LAST_INSTANT, limit)
        given = found[-limit:]
    seen |= {reading.lane: reading.observed_at for reading in found}
    return TailPage(readings=_name(given, series), cursor=cursors.encode_view(seen))


def _name(readings: Sequence[stored.Reading], series: Sequence[Series]) -> list[Reading]:
    names = {each.series_id: each for each in series}
    return [
        Reading.model_construct(
            field=names[reading.lane.series_id].field,
            observed_at=reading.observed_at,
            value=reading.value,
            unit=names[reading.lane.series_id].unit,
        )
        for reading in readings
    ]
