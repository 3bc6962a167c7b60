"""What becomes of dead letters: replayed once the cause is mended, or discarded."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import BaseModel, Field

from gateway.access import requires
from gateway.context import InContext
from gateway.dead_letter_filters import KeptQuery
from gateway.idempotency import IdempotentRoute
from gateway.parameters import Cursor
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from gateway.routers.dead_letters import DeadLetterId
from gateway.settling import ROUND_SIZE, ROUND_SIZE_MAX, Settlement, plan_round, report_round
from weir.postgres import settling
from weir.postgres.queries.dead_letters import DeadLetterState

router = APIRouter(
    prefix="/v1/dead-letters",
    tags=["dead letters"],
    dependencies=[requires(Permission.DEAD_LETTERS_SETTLE)],
    route_class=IdempotentRoute,
)

_ONE: dict[int | str, dict[str, Any]] = {"409": PROBLEM_RESPONSE}


class RoundQuery(KeptQuery):
    """Which dead letters to settle; of them those that are still kept, the oldest first."""

    limit: int = Field(ROUND_SIZE, ge=1, le=ROUND_SIZE_MAX, description="most letters to settle")
    cursor: Cursor = None


class SettledDeadLetter(BaseModel):
    """A dead letter that has been settled."""

    dead_letter_id: int
    state: DeadLetterState


@router.post("/replay")
async def replay_dead_letters(
    query: Annotated[RoundQuery, InQuery()], context: InContext
) -> Settlement:
    """Publish dead letters again; those that are rejected again come back as new ones.

    With `cursor`, a round continues the one before, and ends with the letters that were there when
    the first began. When the broker goes away, those that it has confirmed are settled.
    """
    wanted = query.filter(context.now(), DeadLetterState.KEPT)
    planned = await plan_round(context, wanted, query.limit, query.cursor)
    done = await settling.replay_round(context.pool, planned, context.republisher)
    return await report_round(context, planned, done)


@router.post("/discard")
async def discard_dead_letters(
    query: Annotated[RoundQuery, InQuery()], context: InContext
) -> Settlement:
    """Settle dead letters without publishing them; they stay listed as discarded."""
    wanted = query.filter(context.now(), DeadLetterState.KEPT)
    planned = await plan_round(context, wanted, query.limit, query.cursor)
    done = await settling.discard_round(context.pool, planned)
    return await report_round(context, planned, done)


@router.post("/{dead_letter_id:int}/replay", responses=_ONE)
async def replay_dead_letter(dead_letter_id: DeadLetterId, context: InContext) -> SettledDeadLetter:
    """Publish one dead letter again, byte for byte with its routing key."""
    await settling.replay(context.pool, dead_letter_id, context.republisher)
    return SettledDeadLetter(dead_letter_id=dead_letter_id, state=DeadLetterState.REPLAYED)


@router.post("/{dead_letter_id:int}/discard", responses=_ONE)
async def discard_dead_letter(
    dead_letter_id: DeadLetterId, context: InContext
) -> SettledDeadLetter:
    """Settle one dead letter without publishing it; it stays listed as discarded."""
    await settling.discard(context.pool, dead_letter_id)
    return SettledDeadLetter(dead_letter_id=dead_letter_id, state=DeadLetterState.DISCARDED)
