"""Live streams: readings as they are stored, as server-sent events."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header
from fastapi import Query as InQuery
from pydantic import Field

from gateway import sse
from gateway.access import requires
from gateway.actor import InPrincipal, Principal
from gateway.context import Context, InContext
from gateway.credentials import permissions_now
from gateway.live.listener import Listener, ListenRequest
from gateway.live.picking import Wanted
from gateway.live.places import parse_places
from gateway.parameters import FieldName, Query, Serial
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from weir.model.limits import FIELD_COUNT_MAX
from weir.postgres.queries.arrivals import find_followed

router = APIRouter(
    prefix="/v1/live", tags=["live"], dependencies=[requires(Permission.READINGS_READ)]
)

#: A stream over more devices is better read from the log itself.
SERIALS_MAX = 100
_EVENT_ID_LENGTH_MAX = 2_000

LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=_EVENT_ID_LENGTH_MAX,
        description="`id` of the last event: go on behind it, without a gap or a repetition",
    ),
]
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {sse.MEDIA_TYPE: {}}, "description": "events until one of us leaves"},
    429: PROBLEM_RESPONSE,
}


class LiveQuery(Query):
    """What to follow."""

    serial: list[Serial] = Field(min_length=1, max_length=SERIALS_MAX)
    field: list[FieldName] = Field([], max_length=FIELD_COUNT_MAX, description="none: all fields")


@router.get("/readings", status_code=200, response_class=sse.EventStream, responses=_ANSWERS)
async def get_live_readings(
    query: Annotated[LiveQuery, InQuery()],
    context: InContext,
    principal: InPrincipal,
    last_event_id: LastEventId = None,
) -> sse.EventStream:
    """Follow readings of devices as they are stored, late ones too, as server-sent events.

    - `start`: from here on nothing is left out.
    - `readings`: of one message of one device: `serial`, `received_at`, `is_correction` and
      `readings`, each with `field`, `observed_at`, `value` and `unit`.
    - `lost`: the log no longer has what was asked for with `Last-Event-ID`.
    - `end`: why the stream ends: `too_slow`, `shutting_down`, `renewal` (every hour),
      `access_ended` (within half a minute of a credential that was revoked), ...

    Whoever connects again with the `id` of the last event goes on behind it. What a device sends
    twice comes twice: a reading is known by its device, field and instant. Comments keep the
    connection alive.
    """
    followed = await find_followed(context.pool, query.serial, query.field)
    subscription = await context.live.join()
    try:
        stored = subscription.stored
        request = ListenRequest(
            Wanted(frozenset(query.serial), frozenset(query.field), followed.units),
            parse_places(last_event_id, stored) if last_event_id else stored,
            followed.pending,
            partial(_may_go_on, context, principal),
        )
        listener = Listener(context.live, subscription, request, context.pool)
    except BaseException:
        subscription.leave()
        raise
    patience_s = context.live.limits.patience_s
    return sse.EventStream(listener.events(), subscription.leave, patience_s)


async def _may_go_on(context: Context, principal: Principal) -> bool:
    return Permission.READINGS_READ in await permissions_now(context, principal)
