"""Commands to devices: request them, see what becomes of them, and cancel them."""

import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi import Query as InQuery
from pydantic import Field

from gateway import cursors
from gateway.access import requires
from gateway.actor import InAuthor
from gateway.command_bodies import (
    COMMANDS_TOLD_MAX,
    CommandBody,
    CommandDetails,
    CommandPage,
    CommandView,
    GroupBody,
    Refusal,
    RequestedCommand,
    RequestedGroup,
    Step,
)
from gateway.command_waiting import InBell, wait_for_progress
from gateway.context import Context, InContext
from gateway.idempotency import IdempotentRoute
from gateway.parameters import InstantText, PageQuery, Query, Serial, instant_or_none
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from weir import metrics
from weir.model.command import CommandState
from weir.model.command_id import COMMAND_ID_LENGTH, RANDOM_BYTES, command_id
from weir.model.limits import COMMAND_NAME_PATTERN
from weir.model.site import SLUG_PATTERN
from weir.postgres.command_requests import (
    REFUSED_TOLD_MAX,
    Order,
    Target,
    cancel_command,
    request_command,
    request_commands,
)
from weir.postgres.queries.commands import (
    STEP_COUNT_MAX,
    CommandFilter,
    list_commands,
    show_command,
)

router = APIRouter(
    prefix="/v1",
    tags=["commands"],
    dependencies=[requires(Permission.COMMANDS_READ)],
    route_class=IdempotentRoute,
)

_SEND = [requires(Permission.COMMANDS_SEND)]
#: The longest that a request is held; proxies give up after half a minute or a whole one.
WAIT_S_MAX = 30.0
_ID_PATTERN = f"^[0-9a-z]{{{COMMAND_ID_LENGTH}}}$"

CommandId = Annotated[str, Path(pattern=_ID_PATTERN, examples=["01kb4x7b2m8v6qj3n5p9r0t1wy"])]
InPath = Annotated[Serial, Path()]


class CommandQuery(PageQuery):
    """Which commands to list."""

    device: Serial | None = None
    site: str | None = Field(None, pattern=f"^{SLUG_PATTERN}$", description="slug of a site")
    state: CommandState | None = None
    command: str | None = Field(None, pattern=f"^{COMMAND_NAME_PATTERN}$")
    group: str | None = Field(
        None, pattern=_ID_PATTERN, description="`group_id` of those that were requested together"
    )
    since: InstantText = Field(None, description="requested at or after")
    until: InstantText = Field(None, description="requested before")


class WaitQuery(Query):
    """How long to wait, and for what."""

    wait_s: float = Field(
        0, ge=0, le=WAIT_S_MAX, description="at most so long, until the command has ended"
    )
    after_version: int | None = Field(
        None, ge=0, le=STEP_COUNT_MAX, description="or until it has had more steps than these"
    )


@router.post("/devices/{serial}/commands", status_code=201, dependencies=_SEND)
async def send_command(
    serial: InPath, body: CommandBody, context: InContext, author: InAuthor, response: Response
) -> CommandView:
    """Request a command of one device: sent at once, and kept for a device that is offline."""
    id_ = _new_id(context)
    await request_command(context.pool, _order(body, context), serial, id_, author)
    metrics.COMMANDS.labels(CommandState.REQUESTED).inc()
    response.headers["Location"] = f"/v1/commands/{id_}"
    found, _ = await show_command(context.pool, id_)
    return CommandView.model_validate(found)


@router.post("/commands", status_code=201, dependencies=_SEND)
async def send_commands(body: GroupBody, context: InContext, author: InAuthor) -> RequestedGroup:
    """Request a command of several devices, or of a site: of all of them, or of none."""
    group_id = _new_id(context)
    order = _order(body, context, group_id)
    target = Target(body.devices or (), body.site, body.on_refusal)
    requested = await request_commands(
        context.pool, order, target, lambda: _new_id(context), author
    )
    metrics.COMMANDS.labels(CommandState.REQUESTED).inc(len(requested.commands))
    return RequestedGroup(
        group_id=group_id,
        command_count=len(requested.commands),
        commands=[
            RequestedCommand(id=id_, serial=serial)
            for id_, serial in requested.commands[:COMMANDS_TOLD_MAX]
        ],
        refused_count=len(requested.refusals),
        refused=[
            Refusal.model_validate(refusal) for refusal in requested.refusals[:REFUSED_TOLD_MAX]
        ],
    )


@router.get("/commands")
async def get_commands(
    query: Annotated[CommandQuery, InQuery()], context: InContext
) -> CommandPage:
    """List commands, a page at a time, newest first."""
    now = context.now()
    wanted = CommandFilter(
        query.device,
        query.site,
        query.state,
        query.command,
        query.group,
        instant_or_none(query.since, now, "since"),
        instant_or_none(query.until, now, "until"),
    )
    # Every id could be a serial too, so that one kind of cursor does.
    before = cursors.decode_serial(query.cursor) if query.cursor else None
    # One more than asked for tells whether there is another page.
    found = await list_commands(context.pool, wanted, before=before, limit=query.limit + 1)
    page = [CommandView.model_validate(command) for command in found[: query.limit]]
    has_more = len(found) > query.limit
    return CommandPage(
        commands=page, next_cursor=cursors.encode_serial(page[-1].id) if has_more else None
    )


@router.get("/commands/{command_id}")
async def get_command(
    command_id: CommandId,
    query: Annotated[WaitQuery, InQuery()],
    context: InContext,
    bell: InBell,
) -> CommandDetails:
    """Show a command with its steps; with `wait_s`, as soon as there is something new."""
    if query.wait_s:
        await wait_for_progress(context.pool, bell, command_id, query.after_version, query.wait_s)
    return await _show(context, command_id)


@router.post("/commands/{command_id}/cancel", dependencies=_SEND, responses={409: PROBLEM_RESPONSE})
async def cancel(command_id: CommandId, context: InContext, author: InAuthor) -> CommandDetails:
    """Cancel a command that the device does not have yet.

    One that was sent may be carried out all the same; `late_status` tells if it was.
    """
    await cancel_command(context.pool, command_id, context.now(), author)
    return await _show(context, command_id)


def _new_id(context: Context) -> str:
    return command_id(context.now(), secrets.token_bytes(RANDOM_BYTES))


def _order(body: CommandBody, context: Context, group_id: str | None = None) -> Order:
    now = context.now()
    return Order(
        body.command,
        body.parameters,
        now,
        now + timedelta(seconds=body.ttl_s),
        body.timeout_s,
        group_id,
    )


async def _show(context: Context, id_: str) -> CommandDetails:
    found, steps = await show_command(context.pool, id_)
    return CommandDetails(
        **CommandView.model_validate(found).model_dump(),
        steps=[Step.model_validate(step) for step in steps],
    )
