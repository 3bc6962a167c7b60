"""Deletions of readings: they take their turn in the stream, so a replay deletes the same."""

import secrets
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import requires
from gateway.actor import InAuthor
from gateway.context import Context, InContext
from gateway.idempotency import IdempotentRoute
from gateway.parameters import FieldName, InstantText, Query, Serial, instant_or
from gateway.permissions import Permission
from gateway.times import Instant
from gateway.windows import Window, check_window
from weir.model.limits import FIELD_COUNT_MAX, OBSERVED_AT_MIN
from weir.postgres.deletion_requests import WantedDeletion, ask_deletion
from weir.postgres.queries.deletions import count_deletable, show_deletion
from weir.postgres.queries.lanes import LAST_INSTANT

router = APIRouter(
    tags=["readings"],
    dependencies=[requires(Permission.READINGS_READ)],
    route_class=IdempotentRoute,
)

#: A random name: nobody else's deletion can be guessed.
_ID_BYTES = 16


class DeletionQuery(Query):
    """Which readings: those of the fields with `since` <= observed_at < `until`."""

    field: list[FieldName] = Field([], max_length=FIELD_COUNT_MAX, description="none: all fields")
    since: InstantText
    until: InstantText

    def window(self, context: Context) -> Window:
        """Read the window.

        Raises:
            RequestError: a text is no instant, or the window has nothing in it.
        """
        now = context.now()
        since = instant_or(OBSERVED_AT_MIN, self.since, now, "since")
        until = instant_or(LAST_INSTANT, self.until, now, "until")
        check_window(since, until)
        return Window(since, until)


class DeletableField(BaseModel):
    """What a deletion would delete of one field."""

    field: str
    reading_count: int


class DeletionPreview(BaseModel):
    """What a deletion would delete; give `since` and `until` back to delete just that."""

    serial: str
    since: Instant
    until: Instant
    reading_count: int
    fields: list[DeletableField]


class Deletion(BaseModel):
    """A deletion that somebody asked for."""

    model_config = ConfigDict(from_attributes=True)

    deletion_id: UUID
    serial: str
    fields: list[str] = Field(description="none: all of the device")
    since: Instant
    until: Instant
    actor: str
    requested_at: Instant
    applied_at: Instant | None = Field(description="null: its turn has not come yet")
    deleted_count: int | None


@router.get("/v1/devices/{serial}/deletions/preview")
async def preview_deletion(
    serial: Serial, query: Annotated[DeletionQuery, InQuery()], context: InContext
) -> DeletionPreview:
    """Count what a deletion would delete, by field."""
    window = query.window(context)
    counts = await count_deletable(context.pool, serial, query.field, window.since, window.until)
    return DeletionPreview(
        serial=serial,
        since=window.since,
        until=window.until,
        reading_count=sum(counts.values()),
        fields=[DeletableField(field=name, reading_count=n) for name, n in counts.items()],
    )


@router.post(
    "/v1/devices/{serial}/deletions",
    status_code=202,
    dependencies=[requires(Permission.READINGS_DELETE)],
)
async def delete_readings(
    serial: Serial,
    query: Annotated[DeletionQuery, InQuery()],
    context: InContext,
    author: InAuthor,
    response: Response,
) -> Deletion:
    """Delete readings for ever, when all that the device has sent until now is stored.

    Aggregates follow. What the device sends again later is stored again. When the broker does not
    take it (503), nothing is deleted.
    """
    window = query.window(context)
    deletion_id = UUID(bytes=secrets.token_bytes(_ID_BYTES), version=4)
    wanted = WantedDeletion(
        deletion_id, serial, query.field, window.since, window.until, author.actor
    )
    await ask_deletion(context.pool, wanted, context.republisher)
    response.headers["Location"] = f"/v1/deletions/{deletion_id}"
    return Deletion.model_validate(await show_deletion(context.pool, deletion_id))


@router.get("/v1/deletions/{deletion_id}")
async def get_deletion(deletion_id: UUID, context: InContext) -> Deletion:
    """Tell what became of a deletion: when it was applied, and how much it deleted."""
    return Deletion.model_validate(await show_deletion(context.pool, deletion_id))
