"""Readings of devices: raw or in buckets, a window page by page, the newest, or what comes in."""

from dataclasses import replace
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Request, Response
from fastapi import Query as InQuery
from pydantic import Field

from gateway import cursors
from gateway.access import requires
from gateway.context import Context, InContext
from gateway.downloads import choose_format
from gateway.formats import Format, formats
from gateway.parameters import Cursor
from gateway.permissions import Permission
from gateway.reading_answers import (
    BucketPage,
    ReadingPage,
    TailPage,
    bucket_page,
    name_readings,
)
from gateway.reading_downloads import download_buckets, download_readings
from gateway.reading_questions import (
    READINGS,
    ReadingsQuery,
    SeriesQuery,
    check_series_count,
    raw_window,
)
from weir.errors import RequestError
from weir.model.limits import OBSERVED_AT_MIN
from weir.model.query import Resolution
from weir.postgres.queries import buckets
from weir.postgres.queries import readings as stored
from weir.postgres.queries.asking import Asked, settle
from weir.postgres.queries.buckets import BucketPosition
from weir.postgres.queries.lanes import (
    LAST_INSTANT,
    Position,
    lanes_of,
    starts_after,
    starts_in_each,
)
from weir.postgres.queries.raw_downloads import RawQuestion
from weir.postgres.queries.series import Series, find_series
from weir.postgres.queries.shapes import read_shape

router = APIRouter(
    prefix="/v1/readings", tags=["readings"], dependencies=[requires(Permission.READINGS_READ)]
)

#: Readings with which a live view begins.
TAIL_READINGS = 10
#: Fields that are followed at once: their cursor must fit into a query.
FOLLOWED_MAX = 400
#: Behind what a page begins.
Place: TypeAlias = Position | BucketPosition
_DOWNLOADS = {
    each.media_type: {"schema": {"type": "string", "format": "binary"}}
    for each in formats().values()
}


class TailQuery(SeriesQuery):
    """What has come in since the last call."""

    limit: int | None = Field(None, ge=1, le=READINGS, description="most readings to give")
    cursor: Cursor = None


@router.get(
    "",
    response_model=ReadingPage | BucketPage,
    response_model_exclude_unset=True,
    responses={200: {"content": _DOWNLOADS}},
)
async def get_readings(
    query: Annotated[ReadingsQuery, InQuery()], context: InContext, request: Request
) -> ReadingPage | BucketPage | Response:
    """Read a window of devices' readings, as they are or in buckets.

    A window is read page by page with `cursor`, which also keeps its range: a relative `until`
    stays where it was for the first page. Other formats than JSON come whole, series after series.

    Only readings inside the range count, also where it cuts a bucket. A start or end that is
    given as a time ago may lie earlier, where a bucket begins of what is kept.
    """
    asked = query.asked(context.now())
    kind = choose_format(query.format, request)
    after: Place | None = None
    if query.cursor:
        asked, after = _continued(asked, query.cursor)
    series = await find_series(context.pool, query.serial, query.field)
    check_series_count(series)
    if kind is not None:
        return await _download(context, query, asked, series, (kind, request))
    if asked.resolution is Resolution.RAW:
        return await _raw_page(context, query, asked, series, after)
    question = await settle(context.pool, series, asked, context.now())
    if question.resolution is Resolution.RAW:
        settled = replace(asked, since=question.since, until=question.until, max_points=None)
        return await _raw_page(context, query, settled, series, None)
    if query.newest:
        found = await buckets.read_newest(context.pool, series, question, query.limit)
        return bucket_page(found, series, question, None)
    # One more than asked for tells whether there is another page.
    assert not isinstance(after, Position)  # noqa: S101 - `_continued` knows the resolution
    found = await buckets.read_page(context.pool, series, question, after, query.limit + 1)
    page = found.take(slice(query.limit))
    cursor = None
    if len(found) > query.limit:
        last = BucketPosition(int(page.starts_us[-1]), int(page.series_ids[-1]))
        cursor = cursors.encode_bucket_page(question, last)
    return bucket_page(page, series, question, cursor)


@router.get("/tail", response_model_exclude_unset=True)
async def get_tail(query: Annotated[TailQuery, InQuery()], context: InContext) -> TailPage:
    """Follow devices: the newest readings first, then, with `cursor`, what has come since.

    Each reading is given once. In a field, one that comes late, with a time before the last that
    was given, is left to `/v1/readings`.
    """
    series = await find_series(context.pool, query.serial, query.field)
    if len(series) > FOLLOWED_MAX:
        raise RequestError(
            f"query.field: the devices have {len(series)} such fields; "
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
    return TailPage(readings=name_readings(given, series), cursor=cursors.encode_view(seen))


async def _raw_page(
    context: Context,
    query: ReadingsQuery,
    asked: Asked,
    series: list[Series],
    after: Place | None,
) -> ReadingPage:
    since, until = raw_window(asked, series)
    assert not isinstance(after, BucketPosition)  # noqa: S101 - `_continued` knows the resolution
    lanes = lanes_of(each.series_id for each in series)
    cursor = None
    if asked.max_points:
        page = await read_shape(context.pool, series, (since, until), asked.max_points)
    elif query.newest:
        starts = starts_after(lanes, since, None)
        page = await stored.read_newest(context.pool, starts, until, query.limit)
    else:
        starts = starts_after(lanes, since, after)
        # One more than asked for tells whether there is another page.
        found = await stored.read_ascending(context.pool, starts, until, query.limit + 1)
        page = found[: query.limit]
        if len(found) > query.limit:
            cursor = cursors.encode_page(until, page[-1].position)
    kept_from = max((each.kept.raw_from for each in series), default=since)
    return ReadingPage.model_construct(
        resolution="raw",
        kept_from=kept_from if kept_from > since else None,
        readings=name_readings(page, series),
        next_cursor=cursor,
    )


def _continued(asked: Asked, cursor: str) -> tuple[Asked, Place]:
    """Go on with the question of the first page; `auto` may have meant readings themselves."""
    if asked.resolution is Resolution.AUTO and not cursors.is_bucket_page(cursor):
        asked = replace(asked, resolution=Resolution.RAW, max_points=None)
    if asked.resolution is Resolution.RAW:
        until, position = cursors.decode_page(cursor)
        return replace(asked, until=until), position
    page = cursors.decode_bucket_page(cursor)
    asked = replace(
        asked,
        since=page.since,
        until=page.until,
        is_since_loose=False,
        is_until_loose=False,
        resolution=page.resolution,
    )
    return asked, page.position


async def _download(
    context: Context,
    query: ReadingsQuery,
    asked: Asked,
    series: list[Series],
    answer: tuple[Format, Request],
) -> Response:
    for name in ("limit", "newest", "cursor"):
        if name in query.model_fields_set:
            raise RequestError(f"query.{name}: goes with JSON; other formats come whole")
    if asked.resolution is Resolution.RAW and asked.max_points:
        raise RequestError("query.max_points: a shape of raw readings comes as JSON only")
    kind, request = answer
    if asked.resolution is not Resolution.RAW:
        question = await settle(context.pool, series, asked, context.now())
        if question.resolution is not Resolution.RAW:
            return await download_buckets(request, context.pool, series, question, kind)
        asked = replace(asked, since=question.since, until=question.until)
    raw = RawQuestion(*raw_window(asked, series), with_quality=query.quality)
    return await download_readings(request, context.pool, series, raw, kind)
