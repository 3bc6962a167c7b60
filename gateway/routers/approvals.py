"""Approval of devices that wait: they are let in, and what they sent meanwhile is stored."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as InQuery
from pydantic import Field

from gateway.access import requires
from gateway.actor import InAuthor
from gateway.context import InContext
from gateway.idempotency import IdempotentRoute
from gateway.parameters import Query, Serial
from gateway.permissions import Permission
from gateway.settling import ROUND_SIZE, ROUND_SIZE_MAX, Settlement, plan_round, report_round
from weir.errors import NotApprovedError
from weir.events.device_commands import Approve
from weir.postgres.device_changes import change_device
from weir.postgres.queries.dead_letters import DeadLetterFilter
from weir.postgres.settling import replay_round

router = APIRouter(
    prefix="/v1/devices",
    tags=["devices"],
    dependencies=[requires(Permission.DEVICES_WRITE)],
    route_class=IdempotentRoute,
)


class ApprovalQuery(Query):
    """How much to replay in one go."""

    limit: int = Field(ROUND_SIZE, ge=1, le=ROUND_SIZE_MAX, description="most letters to replay")


class Approval(Settlement):
    """What an approval has done; settled are messages that had been kept aside."""

    serial: str
    was_pending: bool = Field(description="false: the device had been let in before")


@router.post("/{serial}/approve")
async def approve_device(
    serial: Serial, query: Annotated[ApprovalQuery, InQuery()], context: InContext, author: InAuthor
) -> Approval:
    """Let a device in, and replay what it sent while it waited, in order, a round at a time.

    Safe to repeat: each time replays what is left.
    """
    _, was_pending = await change_device(context.pool, serial, [Approve()], author)
    wanted = DeadLetterFilter(reason=NotApprovedError.reason, serial=serial)
    planned = await plan_round(context, wanted, query.limit, cursor=None)
    done = await replay_round(context.pool, planned, context.republisher)
    settlement = await report_round(context, planned, done)
    return Approval(**settlement.model_dump(), serial=serial, was_pending=was_pending)
