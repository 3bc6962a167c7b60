"""Rebuilds: rollups that are to be computed again, and how far that has come."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.access import requires
from gateway.context import InContext
from gateway.idempotency import IdempotentRoute
from gateway.parameters import InstantText, PageQuery, instant_or
from gateway.permissions import Permission
from gateway.routers.aggregates import RollupsQuery
from gateway.times import Instant
from gateway.windows import check_window
from weir.model.limits import OBSERVED_AT_MIN
from weir.postgres.queries.device_ids import find_device_ids
from weir.postgres.queries.rollup_progress import (
    REQUEST_ID_MAX,
    count_requests,
    list_requests,
)
from weir.postgres.rebuilds import ask_rebuild
from weir.postgres.rollup_requests import Reason

router = APIRouter(
    prefix="/v1/aggregates/rebuilds",
    tags=["aggregates"],
    dependencies=[requires(Permission.AGGREGATES_READ)],
    route_class=IdempotentRoute,
)


class RebuildsQuery(PageQuery):
    """Which open rebuilds; they are worked off in the order of their numbers."""

    last_id: int = Field(
        REQUEST_ID_MAX, ge=1, le=REQUEST_ID_MAX, description="none that was asked for later"
    )


class RebuildQuery(RollupsQuery):
    """Which rollups to compute again: whole UTC days that have something of the window."""

    since: InstantText = Field(None, description="null: from the beginning")
    until: InstantText = Field(None, description="null: until now")


class Rebuild(BaseModel):
    """Rollups of a series that wait to be computed again; a time that is null has no end."""

    model_config = ConfigDict(from_attributes=True)

    request_id: int
    serial: str
    field: str
    reason: Reason = Field(description="who wants it: somebody, or what has changed")
    since: Instant | None
    until: Instant | None
    done_until: Instant | None = Field(description="computed until then; null: not begun")
    requested_at: Instant


class RebuildPage(BaseModel):
    """Open rebuilds; one that is done is in the list no more."""

    rebuilds: list[Rebuild]
    open_count: int = Field(description="all of them, on whatever page")
    next_cursor: str | None = Field(description="null: this was the last page")


class AskedRebuild(BaseModel):
    """A rebuild that was asked for; it is done when `open_count` up to `last_id` is 0."""

    series_count: int
    last_id: int


@router.get("")
async def get_rebuilds(
    query: Annotated[RebuildsQuery, InQuery()], context: InContext
) -> RebuildPage:
    """List open rebuilds, also those that a change of a series, a site or readings has caused."""
    after_id = cursors.decode_number(query.cursor) if query.cursor else 0
    # One more than asked for tells whether there is another page.
    found = await list_requests(context.pool, after_id, query.last_id, query.limit + 1)
    page = found[: query.limit]
    has_more = len(found) > query.limit
    return RebuildPage(
        rebuilds=[Rebuild.model_validate(each) for each in page],
        open_count=await count_requests(context.pool, query.last_id),
        next_cursor=cursors.encode_number(page[-1].request_id) if has_more else None,
    )


@router.post("", status_code=202, dependencies=[requires(Permission.AGGREGATES_WRITE)])
async def post_rebuild(
    query: Annotated[RebuildQuery, InQuery()], context: InContext
) -> AskedRebuild:
    """Have rollups computed again; the aggregates consumer does it, one day after the other.

    What they were computed from may be gone: those stay as they are.
    """
    now = context.now()
    since = instant_or(OBSERVED_AT_MIN, query.since, now, "since")
    until = instant_or(now, query.until, now, "until")
    check_window(since, until)
    devices = await find_device_ids(context.pool, query.serial) if query.serial else {}
    asked = await ask_rebuild(context.pool, list(devices.values()), query.field, since, until)
    return AskedRebuild(series_count=asked.series_count, last_id=asked.last_id)
