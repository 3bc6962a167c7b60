"""Dead letters: messages that were rejected, and kept."""

from base64 import b64encode
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field

from gateway import cursors
from gateway.access import requires
from gateway.context import InContext
from gateway.dead_letter_filters import StateQuery
from gateway.parameters import PageQuery
from gateway.permissions import Permission
from gateway.times import Instant
from weir.clock import to_us
from weir.codec.description import ROWS_MAX, describe
from weir.postgres.queries.dead_letters import (
    DEAD_LETTER_ID_MAX,
    DeadLetterState,
    count_dead_letters,
    list_dead_letters,
    show_dead_letter,
)

router = APIRouter(
    prefix="/v1/dead-letters",
    tags=["dead letters"],
    dependencies=[requires(Permission.DEAD_LETTERS_READ)],
)

BODY_MEDIA_TYPE = "application/octet-stream"


DeadLetterId = Annotated[int, Path(ge=1, le=DEAD_LETTER_ID_MAX)]


class DeadLetterQuery(StateQuery, PageQuery):
    """Which dead letters to list."""


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
    settled_at: Instant | None = Field(description="null: it is still kept")


class DeadLetterPage(BaseModel):
    """A page of dead letters, newest first."""

    dead_letters: list[DeadLetter]
    next_cursor: str | None = Field(description="null: this was the last page")


class DeadLetterCount(BaseModel):
    """How many dead letters there are."""

    count: int


class DeadLetterDetails(DeadLetter):
    """A dead letter with what arrived, byte for byte."""

    exchange: str
    headers: dict[str, Any]
    body_base64: str


class Rejection(BaseModel):
    """Why a message cannot be decoded."""

    model_config = ConfigDict(from_attributes=True)

    reason: str = Field(description="stable, for programs")
    error: str = Field(description="for people")


class DecodedDeadLetter(BaseModel):
    """What this version of Weir makes of a dead letter, as a replay would find it."""

    model_config = ConfigDict(from_attributes=True)

    kind: str = Field(description="what its routing key says it is about; empty: no device's key")
    properties: dict[str, Any] = Field(description="what is said once for the whole message")
    rows: list[dict[str, Any]] = Field(
        description=f"its fields, events, ...; at most {ROWS_MAX}; columns of readings summarised"
    )
    row_count: int = Field(description="of all its rows")
    rejection: Rejection | None = Field(description="null: it can be decoded now")


@router.get("")
async def get_dead_letters(
    query: Annotated[DeadLetterQuery, InQuery()], context: InContext
) -> DeadLetterPage:
    """List dead letters, a page at a time, newest first."""
    wanted = query.filter_at(context.now())
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


@router.get("/count")
async def count(query: Annotated[StateQuery, InQuery()], context: InContext) -> DeadLetterCount:
    """Count dead letters."""
    wanted = query.filter_at(context.now())
    return DeadLetterCount(count=await count_dead_letters(context.pool, wanted))


@router.get("/{dead_letter_id:int}")
async def get_dead_letter(dead_letter_id: DeadLetterId, context: InContext) -> DeadLetterDetails:
    """Show one dead letter with its body."""
    summary, content = await show_dead_letter(context.pool, dead_letter_id)
    return DeadLetterDetails(
        **DeadLetter.model_validate(summary).model_dump(),
        exchange=content.exchange,
        headers=dict(content.headers),
        body_base64=b64encode(content.body).decode(),
    )


@router.get(
    "/{dead_letter_id:int}/body",
    response_class=Response,
    responses={200: {"content": {BODY_MEDIA_TYPE: {}}, "description": "what arrived"}},
)
async def get_body(dead_letter_id: DeadLetterId, context: InContext) -> Response:
    """Give what arrived, byte for byte."""
    _, content = await show_dead_letter(context.pool, dead_letter_id)
    headers = {
        "Content-Disposition": f'attachment; filename="dead-letter-{dead_letter_id}.bin"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content.body, headers=headers, media_type=BODY_MEDIA_TYPE)


@router.get("/{dead_letter_id:int}/decoded")
async def get_decoded(dead_letter_id: DeadLetterId, context: InContext) -> DecodedDeadLetter:
    """Decode a dead letter with the present decoders, without settling it."""
    summary, content = await show_dead_letter(context.pool, dead_letter_id)
    received_at_us = to_us(context.now())
    return DecodedDeadLetter.model_validate(
        describe(summary.routing_key, content.body, received_at_us)
    )
