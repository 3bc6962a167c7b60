"""What answers say about rounds of settling: how many were settled, and how to go on."""

from dataclasses import replace

from pydantic import BaseModel, Field

from gateway import cursors
from gateway.context import Context
from weir.postgres.queries.dead_letters import (
    DeadLetterFilter,
    DeadLetterState,
    count_dead_letters,
    newest_dead_letter_id,
)
from weir.postgres.settling import Round, Settled

ROUND_SIZE_MAX = 1_000
ROUND_SIZE = 200


class Settlement(BaseModel):
    """What a round of settling has done."""

    settled_count: int
    left_count: int = Field(description="others that the filters match, and were there at first")
    next_cursor: str | None = Field(description="for the next round; null: nothing is left")


async def plan_round(
    context: Context, wanted: DeadLetterFilter, limit: int, cursor: str | None
) -> Round:
    """Plan the first round, or the one that `cursor` continues.

    Raises:
        RequestError: not such a cursor.
        StoreUnavailableError: try again later.
    """
    if cursor:
        return Round(wanted, *cursors.decode_round(cursor), limit)
    return Round(wanted, 0, await newest_dead_letter_id(context.pool), limit)


async def report_round(context: Context, planned: Round, done: Settled) -> Settlement:
    """Tell what a round has done and left.

    Raises:
        StoreUnavailableError: try again later; the round itself is done.
    """
    left_count = await count_dead_letters(
        context.pool,
        replace(planned.wanted, state=DeadLetterState.KEPT),
        after_id=done.reached_id,
        last_id=planned.last_id,
    )
    has_more = left_count > 0 and done.count > 0
    return Settlement(
        settled_count=done.count,
        left_count=left_count,
        next_cursor=cursors.encode_round(done.reached_id, planned.last_id) if has_more else None,
    )
