"""Locations: where devices were, as rows or as GeoJSON, and where each was last."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Query as InQuery
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from gateway import cursors, geojson
from gateway.access import requires
from gateway.context import InContext
from gateway.downloads import respond
from gateway.formats import formats
from gateway.occurrence_downloads import download_locations
from gateway.parameters import PageQuery, Serial
from gateway.permissions import Permission
from gateway.times import Instant
from gateway.windows import SERIALS_MAX, WindowQuery
from weir.errors import RequestError
from weir.model.location import Fix
from weir.postgres.queries.device_ids import find_device_ids
from weir.postgres.queries.locations import (
    LocationFilter,
    StoredLocation,
    list_latest_locations,
    list_locations,
    list_newest_locations,
)

router = APIRouter(
    prefix="/v1/locations", tags=["locations"], dependencies=[requires(Permission.LOCATIONS_READ)]
)

#: Follows the page that a GeoJSON document holds: RFC 7946, 6.1 allows members of one's own.
_NEXT = "next_cursor"


class Shape(StrEnum):
    """How locations are given."""

    ROWS = "rows"
    POINTS = "points"
    TRACK = "track"


class LocationsQuery(WindowQuery):
    """Which locations, in which shape."""

    serial: list[Serial] = Field(min_length=1, max_length=SERIALS_MAX)
    shape: Shape = Field(
        Shape.ROWS, description="points and track (a line for each device) are GeoJSON, RFC 7946"
    )


class LatestQuery(PageQuery):
    """Of which devices."""

    serial: list[Serial] = Field([], max_length=SERIALS_MAX, description="none: all devices")
    shape: Shape = Field(Shape.ROWS, description="points are GeoJSON, RFC 7946")


class Location(BaseModel):
    """Where a device was (WGS 84); null: it did not say."""

    serial: str
    observed_at: Instant
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = Field(description="above the ellipsoid")
    speed_mps: float | None = Field(description="over ground")
    heading_deg: float | None = Field(description="clockwise from true north")
    fix: Fix


class LocationPage(BaseModel):
    """Locations, ascending by time."""

    locations: list[Location]
    next_cursor: str | None = Field(description="null: this was the last page")


_SHAPES: dict[int | str, dict[str, Any]] = {
    200: {"model": LocationPage, "content": {geojson.MEDIA_TYPE: {}}}
}
_DOWNLOADS = {
    each.media_type: {"schema": {"type": "string", "format": "binary"}}
    for each in formats().values()
}
_FORMATS: dict[int | str, dict[str, Any]] = {
    200: {"model": LocationPage, "content": {geojson.MEDIA_TYPE: {}, **_DOWNLOADS}}
}


@router.get("", response_model=None, responses=_FORMATS)
async def get_locations(
    query: Annotated[LocationsQuery, InQuery()], context: InContext, request: Request
) -> LocationPage | Response:
    """Read a window of the locations of devices.

    A window is read page by page with `cursor`, which also keeps its end: a relative `until` stays
    where it was for the first page. A GeoJSON document holds one page too. Other formats than JSON
    come whole.
    """
    kind = query.kind(request) if query.shape is Shape.ROWS else None
    if query.format is not None and query.shape is not Shape.ROWS:
        raise RequestError("query.format: goes with shape=rows; points and track are GeoJSON")
    window = query.window(context.now())
    until, after = window.until, None
    if query.cursor:
        until, after = cursors.decode_location_page(query.cursor)
    devices = await find_device_ids(context.pool, query.serial)
    wanted = LocationFilter(list(devices.values()), window.since, until, after)
    if kind is not None:
        count = query.limit if query.newest else None
        pieces = download_locations(context.pool, wanted, count)
        return await respond(request, pieces, kind, "locations")
    if query.newest:
        newest = await list_newest_locations(context.pool, wanted, query.limit)
        return _page(newest, query.shape, None)
    # One more than asked for tells whether there is another page.
    found = await list_locations(context.pool, wanted, query.limit + 1)
    page = found[: query.limit]
    has_more = len(found) > query.limit
    next_cursor = cursors.encode_location_page(until, page[-1].position) if has_more else None
    return _page(page, query.shape, next_cursor)


@router.get("/latest", response_model=None, responses=_SHAPES)
async def get_latest_locations(
    query: Annotated[LatestQuery, InQuery()], context: InContext
) -> LocationPage | Response:
    """Tell where each device was last, by serial; devices that never told have no entry."""
    if query.shape is Shape.TRACK:
        raise RequestError("query.shape: one place of each device is no track")
    after = cursors.decode_serial(query.cursor) if query.cursor else ""
    devices = await find_device_ids(context.pool, query.serial) if query.serial else None
    ids = None if devices is None else list(devices.values())
    found = await list_latest_locations(context.pool, ids, after=after, limit=query.limit + 1)
    page = found[: query.limit]
    has_more = len(found) > query.limit
    return _page(page, query.shape, cursors.encode_serial(page[-1].serial) if has_more else None)


def _page(
    found: list[StoredLocation], shape: Shape, next_cursor: str | None
) -> LocationPage | Response:
    if shape is Shape.ROWS:
        return LocationPage(locations=list(_rows(found)), next_cursor=next_cursor)
    collection = geojson.tracks(found) if shape is Shape.TRACK else geojson.points(found)
    return JSONResponse({**collection, _NEXT: next_cursor}, media_type=geojson.MEDIA_TYPE)


def _rows(found: Iterable[StoredLocation]) -> Iterable[Location]:
    for location in found:
        yield Location.model_construct(
            serial=location.serial,
            observed_at=location.position.observed_at,
            latitude_deg=location.latitude_deg,
            longitude_deg=location.longitude_deg,
            altitude_m=location.altitude_m,
            speed_mps=location.speed_mps,
            heading_deg=location.heading_deg,
            fix=location.fix,
        )
