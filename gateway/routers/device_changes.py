"""What an operator does with a device: name and move it, shut it out, delete it, bring it back."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from gateway.access import requires
from gateway.actor import InAuthor
from gateway.context import Context, InContext
from gateway.etags import PRECONDITION_RESPONSES, InIfMatch, set_etag
from gateway.idempotency import IdempotentRoute
from gateway.parameters import Text
from gateway.permissions import Permission
from gateway.problems import PROBLEM_RESPONSE
from gateway.routers.auth import Body
from gateway.routers.devices import Device
from weir.events.device_commands import Command, Delete, Disable, Enable, Move, Rename, Undelete
from weir.model.site import DEFAULT_ORGANISATION, SLUG_PATTERN
from weir.postgres.device_changes import change_device
from weir.postgres.queries.devices import show_device

router = APIRouter(prefix="/v1/devices", tags=["devices"], route_class=IdempotentRoute)

_WRITE = [requires(Permission.DEVICES_WRITE)]
_DELETE = [requires(Permission.DEVICES_DELETE)]
_CONFLICT: dict[int | str, dict[str, Any]] = {409: PROBLEM_RESPONSE}


class DevicePatch(Body):
    """What is to change; what is not given stays."""

    name: Text | None = Field(
        None, description="what people call it; empty: nothing", examples=["Crane at pier 3"]
    )
    site: str | None = Field(
        None,
        pattern=f"^{SLUG_PATTERN}$",
        description="slug of the site that it is at",
        examples=["unassigned"],
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a change, and of which version."""

    author: InAuthor
    if_match: InIfMatch


@router.patch("/{serial}", dependencies=_WRITE, responses={**_CONFLICT, **PRECONDITION_RESPONSES})
async def patch_device(
    serial: str,
    body: DevicePatch,
    context: InContext,
    asked: Annotated[Asked, Depends()],
    response: Response,
) -> Device:
    """Name a device, or move it to another site, by whose days its readings are then summed up."""
    commands: list[Command] = []
    if body.name is not None:
        commands.append(Rename(body.name))
    if body.site is not None:
        commands.append(Move(DEFAULT_ORGANISATION, body.site))
    await change_device(context.pool, serial, commands, asked.author, asked.if_match.check)
    return await _show(context, serial, response)


@router.post("/{serial}/disable", dependencies=_WRITE, responses=_CONFLICT)
async def disable_device(
    serial: str, context: InContext, author: InAuthor, response: Response
) -> Device:
    """Shut a device out; a second later all that it sends is kept as dead letters instead."""
    await change_device(context.pool, serial, [Disable()], author)
    return await _show(context, serial, response)


@router.post("/{serial}/enable", dependencies=_WRITE, responses=_CONFLICT)
async def enable_device(
    serial: str, context: InContext, author: InAuthor, response: Response
) -> Device:
    """Let a device in again; what it sent meanwhile stays kept until it is replayed."""
    await change_device(context.pool, serial, [Enable()], author)
    return await _show(context, serial, response)


@router.delete("/{serial}", dependencies=_DELETE, status_code=204, responses=_CONFLICT)
async def delete_device(serial: str, context: InContext, author: InAuthor) -> None:
    """Remove a device from the lists and shut it out; what it has measured stays."""
    await change_device(context.pool, serial, [Delete()], author)


@router.post("/{serial}/undelete", dependencies=_DELETE, responses=_CONFLICT)
async def undelete_device(
    serial: str, context: InContext, author: InAuthor, response: Response
) -> Device:
    """Bring a deleted device back, in the state that it had."""
    await change_device(context.pool, serial, [Undelete()], author)
    return await _show(context, serial, response)


async def _show(context: Context, serial: str, response: Response) -> Device:
    device = await show_device(context.pool, serial)
    set_etag(response, device.version)
    return Device.model_validate(device)
