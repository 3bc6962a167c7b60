"""Device events: what happened at devices, a window page by page, or the newest."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, Field

from gateway import cursors
from gateway.access import requires
from gateway.context import InContext
from gateway.downloads import respond
from gateway.formats import formats
from gateway.occurrence_downloads import download_events
from gateway.permissions import Permission
from gateway.times import Instant
from gateway.windows import AnyDevicesQuery
from weir.model.limits import EVENT_TYPE_PATTERN
from weir.postgres.queries.device_ids import find_device_ids
from weir.postgres.queries.events import (
    EventFilter,
    StoredEvent,
    list_events,
    list_newest_events,
)

router = APIRouter(
    prefix="/v1/events", tags=["events"], dependencies=[requires(Permission.EVENTS_READ)]
)

TYPES_MAX = 50
#: An event may have 16 KiB of data.
EVENTS_MAX = 1_000
EVENTS = 500
EventType = Annotated[str, Field(pattern=f"^{EVENT_TYPE_PATTERN}$")]


class EventsQuery(AnyDevicesQuery):
    """Which device events."""

    limit: int = Field(EVENTS, ge=1, le=EVENTS_MAX, description="most events of the page")
    type: list[EventType] = Field([], max_length=TYPES_MAX, description="none: all types")


class DeviceEvent(BaseModel):
    """Something that happened at a device."""

    serial: str
    observed_at: Instant
    type: str
    data: dict[str, Any]
    recorded_at: Instant = Field(description="when it was stored")


class EventPage(BaseModel):
    """Device events, ascending by time."""

    events: list[DeviceEvent]
    next_cursor: str | None = Field(description="null: this was the last page")


_DOWNLOADS = {
    each.media_type: {"schema": {"type": "string", "format": "binary"}}
    for each in formats().values()
}


@router.get("", response_model=EventPage, responses={200: {"content": _DOWNLOADS}})
async def get_events(
    query: Annotated[EventsQuery, InQuery()], context: InContext, request: Request
) -> EventPage | Response:
    """Read a window of device events.

    A window is read page by page with `cursor`, which also keeps its end: a relative `until` stays
    where it was for the first page. Other formats than JSON come whole; `data` is JSON text there.
    """
    kind = query.kind(request)
    window = query.window(context.now())
    until, after = window.until, None
    if query.cursor:
        until, after = cursors.decode_event_page(query.cursor)
    devices = await find_device_ids(context.pool, query.serial) if query.serial else {}
    wanted = EventFilter(window.since, until, list(devices.values()), query.type, after)
    if kind is not None:
        newest = query.limit if query.newest else None
        return await respond(request, download_events(context.pool, wanted, newest), kind, "events")
    if query.newest:
        found = await list_newest_events(context.pool, wanted, query.limit)
        return EventPage(events=[_event(each) for each in found], next_cursor=None)
    # One more than asked for tells whether there is another page.
    found = await list_events(context.pool, wanted, query.limit + 1)
    page = found[: query.limit]
    has_more = len(found) > query.limit
    return EventPage(
        events=[_event(each) for each in page],
        next_cursor=cursors.encode_event_page(until, page[-1].position) if has_more else None,
    )


def _event(stored: StoredEvent) -> DeviceEvent:
    return DeviceEvent.model_construct(
        serial=stored.serial,
        observed_at=stored.position.observed_at,
        type=stored.position.type,
        data=json.loads(stored.data),
        recorded_at=stored.recorded_at,
    )
