"""The journal: what was changed, when, and by whom."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.access import requires
from gateway.context import InContext
from gateway.parameters import InstantText, PageQuery, Text, instant_or_none
from gateway.permissions import Permission
from gateway.times import Instant
from weir.errors import RequestError
from weir.postgres.queries.journal import (
    POSITION_MAX,
    JournalFilter,
    follow_events,
    list_events,
    show_event,
)

router = APIRouter(
    prefix="/v1/journal", tags=["journal"], dependencies=[requires(Permission.JOURNAL_READ)]
)


class JournalQuery(PageQuery):
    """Which events to list, and from where on."""

    entity: Text | None = Field(None, description="`device`, `series`, `site`, `user`, ...")
    entity_id: Text | None = Field(None, description="which of them: a serial, a slug, a name")
    type: Text | None = Field(None, description="`device_moved`, ...")
    actor: Text | None = Field(None, description="who did it: `user:ada`, or `ada`")
    since: InstantText = Field(None, description="recorded at or after")
    until: InstantText = Field(None, description="recorded before")
    after: int | None = Field(
        None, ge=0, le=POSITION_MAX, description="only behind this position, and oldest first"
    )

    def filter_at(self, now: datetime) -> JournalFilter:
        """Say it in the words of the store.

        Raises:
            RequestError: a text is no instant.
        """
        return JournalFilter(
            entity=self.entity,
            entity_id=self.entity_id,
            type=self.type,
            actor=self.actor,
            since=instant_or_none(self.since, now, "since"),
            until=instant_or_none(self.until, now, "until"),
        )


class JournalEvent(BaseModel):
    """One event."""

    model_config = ConfigDict(from_attributes=True)

    position: int = Field(description="its place in the journal; later ones have higher places")
    entity: str
    entity_id: str
    entity_version: int = Field(description="of the entity after it")
    type: str
    type_version: int = Field(description="which shape `data` has")
    data: dict[str, Any]
    actor: str
    correlation_id: str | None = Field(description="the same for all that one request has led to")
    causation_id: str | None = Field(description="position of the event that led to it")
    recorded_at: Instant


class JournalPage(BaseModel):
    """A page of events: newest first, or with `after` oldest first."""

    events: list[JournalEvent]
    next_cursor: str | None = Field(description="null: this was the last page")


@router.get("")
async def get_journal(query: Annotated[JournalQuery, InQuery()], context: InContext) -> JournalPage:
    """List events, a page at a time: what happened last, or with `after` what happened since."""
    if query.cursor and query.after is not None:
        raise RequestError("query: `cursor` and `after` both say where to go on: give one of them")
    wanted = query.filter_at(context.now())
    # One more than asked for tells whether there is another page.
    limit = query.limit + 1
    if query.after is None:
        before = cursors.decode_number(query.cursor) if query.cursor else POSITION_MAX
        found = await list_events(context.pool, wanted, before=before, limit=limit)
    else:
        found = await follow_events(context.pool, wanted, after=query.after, limit=limit)
    page = [JournalEvent.model_validate(record) for record in found[: query.limit]]
    has_more = query.after is None and len(found) > query.limit
    return JournalPage(
        events=page, next_cursor=cursors.encode_number(page[-1].position) if has_more else None
    )


@router.get("/{position}")
async def get_event(
    position: Annotated[int, Path(ge=1, le=POSITION_MAX)], context: InContext
) -> JournalEvent:
    """Show one event."""
    return JournalEvent.model_validate(await show_event(context.pool, position))
