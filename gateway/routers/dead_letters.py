"""Dead letters: messages that were rejected, and kept."""

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.context import InContext
from gateway.parameters import PageQuery, Text
from gateway.times import Instant
from weir.postgres.queries.dead_letters import (
    DEAD_LETTER_ID_MAX,
    DeadLetterFilter,
    DeadLetterState,
    list_dead_letters,
    show_dead_letter,
)

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])


class DeadLetterQuery(PageQuery):
    """Which dead letters to list."""

    state: DeadLetterState | None = None
    reason: Text | None = Field(None, description="`undecodable`, `implausible`, ...")
    consumer: Text | None = Field(None, description="who rejected it")
    serial: Text | None = Field(None, description="the device that sent it")


class DeadLetter(BaseModel):
    """A message that was rejected."""

    model_config = ConfigDict(from_attributes=True)

    dead_letter_id: int
    state: DeadLetterState
    reason: str = Field(description="stable, for programs")
    error: str = Field(description="for people")
    consumer: str
    source: str = Field(description="the queue or stream that it was read from")
    source_offset: int | None = Field(description="its place there; null: a queue has none")
    routing_key: str
    serial: str | None
    body_bytes: int
    attempts: int
    first_seen_at: Instant
    recorded_at: Instant


class DeadLetterPage(BaseModel):
    """A page of dead letters, newest first."""

    dead_letters: list[DeadLetter]
    next_cursor: str | None = Field(description="null: this was the last page")


class DeadLetterDetails(DeadLetter):
    """A dead letter with what arrived, byte for byte."""

    exchange: str
    headers: dict[str, Any]
    body_base64: str


@router.get("")
async def get_dead_letters(
    query: Annotated[DeadLetterQuery, InQuery()], context: InContext
) -> DeadLetterPage:
    """List dead letters, a page at a time, newest first."""
    wanted = DeadLetterFilter(query.state, query.reason, query.consumer, query.serial)
    before_id = cursors.decode_number(query.cursor) if query.cursor else DEAD_LETTER_ID_MAX
    # One more than asked for tells whether there is another page.
    found = await list_dead_letters(
        context.pool, wanted, before_id=before_id, limit=query.limit + 1
    )
    page = [DeadLetter.model_validate(summary) for summary in found[: query.limit]]
    has_more = len(found) > query.limit
    return DeadLetterPage(
        dead_letters=page,
        next_cursor=cursors.encode_number(page[-1].dead_letter_id) if has_more else None,
    )


@router.get("/{dead_letter_id}")
async def get_dead_letter(
    dead_letter_id: Annotated[int, Path(ge=1, le=DEAD_LETTER_ID_MAX)], context: InContext
) -> DeadLetterDetails:
    """Show one dead letter with its body."""
    summary, content = await show_dead_letter(context.pool, dead_letter_id)
    return DeadLetterDetails(
        **DeadLetter.model_validate(summary).model_dump(),
        exchange=content.exchange,
        headers=dict(content.headers),
        body_base64=b64encode(content.body).decode(),
    )
