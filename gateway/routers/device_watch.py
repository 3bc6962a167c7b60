"""Devices as they come and go: a question that is answered when there is something to tell."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import requires
from gateway.context import InContext
from gateway.parameters import PAGE_SIZE, PAGE_SIZE_MAX, Query, Serial
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from gateway.times import Instant
from weir.errors import TooManyRequestsError
from weir.postgres.queries.device_changes import follow_changes
from weir.postgres.queries.journal import POSITION_MAX, journal_end

router = APIRouter(
    prefix="/v1/live/devices", tags=["live"], dependencies=[requires(Permission.DEVICES_READ)]
)

#: Below the patience of clients and proxies.
WAIT_S_MAX = 20.0
#: How often is looked: one row by its key, for everybody who waits.
LOOK_INTERVAL_S = 1.0
#: Who waits at the same time.
WAITING_MAX = 50
SERIALS_MAX = 100
_BUSY_RETRY_S = 5.0
_ANSWERS: dict[int | str, dict[str, Any]] = {429: PROBLEM_RESPONSE}

_waiting: set[object] = set()


class WatchQuery(Query):
    """From where on, of which devices, and how long to wait."""

    after: int | None = Field(
        None, ge=0, le=POSITION_MAX, description="`position` of the answer before; none: from now"
    )
    serial: list[Serial] = Field([], max_length=SERIALS_MAX, description="none: all devices")
    wait_s: float = Field(
        0.0, ge=0.0, le=WAIT_S_MAX, description="for how long an answer may wait for something"
    )
    limit: int = Field(PAGE_SIZE, ge=1, le=PAGE_SIZE_MAX, description="most changes of an answer")


class DeviceChange(BaseModel):
    """Something that happened to a device."""

    model_config = ConfigDict(from_attributes=True)

    position: int = Field(description="its place in the journal")
    recorded_at: Instant
    serial: str
    type: str = Field(
        description="`device_came_online`, `device_went_offline`, `device_moved`, ..."
    )
    reason: str | None = Field(description="of coming and going: `last_will`, `silence`, ...")
    site: str | None = Field(description="where it is now, of those that move or are enrolled")
    actor: str


class DeviceChanges(BaseModel):
    """What happened, oldest first."""

    changes: list[DeviceChange]
    position: int = Field(description="`after` of the next question")


@router.get("", responses=_ANSWERS)
async def get_live_devices(
    query: Annotated[WatchQuery, InQuery()], context: InContext
) -> DeviceChanges:
    """Tell what has happened to devices behind a position; without one, only where to begin.

    With `wait_s` it is answered when there is something to tell, or when the time is over. Whoever
    goes on with the `position` of the last answer misses nothing and gets nothing twice.
    """
    if query.after is None:
        return DeviceChanges(changes=[], position=await journal_end(context.pool))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + query.wait_s
    position = query.after
    with waiting_place():
        while True:
            found, position = await follow_changes(
                context.pool, query.serial, after=position, limit=query.limit
            )
            if found or loop.time() >= deadline:
                changes = [DeviceChange.model_validate(change) for change in found]
                return DeviceChanges(changes=changes, position=position)
            await asyncio.sleep(min(LOOK_INTERVAL_S, max(deadline - loop.time(), 0.0)))


@contextmanager
def waiting_place() -> Iterator[None]:
    """Take a place among those who wait.

    Raises:
        TooManyRequestsError: all are taken.
    """
    if len(_waiting) >= WAITING_MAX:
        raise TooManyRequestsError(
            f"{WAITING_MAX} others wait for changes already", retry_after_s=_BUSY_RETRY_S
        )
    place = object()
    _waiting.add(place)
    try:
        yield
    finally:
        _waiting.remove(place)
