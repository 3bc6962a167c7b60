"""Request commands of devices, all of them or none, and cancel one."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from weir.command_check import WrongCommand, check_command
from weir.declared_schema import SchemaProblem
from weir.errors import ConflictError, NotFoundError, RefusedPartsError
from weir.events.command import Command, CommandRequested
from weir.events.command_commands import Cancel, decide
from weir.events.device import DescribedCapabilities
from weir.events.event import Author
from weir.model.device_state import DeviceState
from weir.model.serial import is_serial
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres.command_state import Step, insert_commands, lock_commands, store_steps
from weir.postgres.pool import transaction
from weir.postgres.queries._read import fetch

#: Devices of one request.
DEVICE_COUNT_MAX = 10_000
#: Commands of one device that are under way.
WAITING_COUNT_MAX = 100
#: Different declarations that are looked at for one request: a fleet has a few.
DECLARATION_COUNT_MAX = 200
#: Refused devices that one answer names; all are counted.
REFUSED_TOLD_MAX = 100
#: Of these, in the summary for people.
_SUMMARY_COUNT = 3

_COUNT_WAITING = """
    (SELECT count(*) FROM command
     WHERE command.device_id = device.device_id AND due_at IS NOT NULL) AS waiting_count
    """
_DEVICES = f"""
    SELECT device_id, serial, state, is_deleted, capabilities, {_COUNT_WAITING}
    FROM device WHERE serial = ANY($1::text[]) ORDER BY serial
    """  # noqa: S608 - only constants are put together
_DEVICES_OF_SITE = f"""
    SELECT device_id, serial, device.state, is_deleted, capabilities, {_COUNT_WAITING}
    FROM device JOIN site USING (site_id) JOIN organisation USING (org_id)
    WHERE organisation.slug = $1 AND site.slug = $2 AND device.state = 'active' AND NOT is_deleted
    ORDER BY serial LIMIT {DEVICE_COUNT_MAX + 1}
    """  # noqa: S608 - only constants are put together
_HAS_SITE = """
    SELECT EXISTS (SELECT FROM site JOIN organisation USING (org_id)
                   WHERE organisation.slug = $1 AND site.slug = $2) AS found
    """

_REMEDIES = {
    DeviceState.PENDING: "the device waits for approval: approve it first",
    DeviceState.DISABLED: "the device is disabled: enable it first",
    DeviceState.DELETED: "the device is deleted: undelete it first",
}


class OnRefusal(StrEnum):
    """What becomes of a request that some devices refuse."""

    #: Nothing is requested of any device.
    REFUSE_ALL = "refuse_all"
    #: It is requested of the others.
    SKIP = "skip"


class RefusalReason(StrEnum):
    """Why a device refuses a command, for programs."""

    UNKNOWN_DEVICE = "unknown_device"
    NOT_LET_IN = "not_let_in"
    TOO_MANY_WAITING = "too_many_waiting"
    UNKNOWN_COMMAND = "unknown_command"
    WRONG_PARAMETERS = "wrong_parameters"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, and until when it may be begun; `group_id`: with others of this id."""

    command: str
    parameters: Mapping[str, Any]
    requested_at: datetime
    expires_at: datetime
    timeout_s: float
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Whom it is for: these devices, or (`site`) all that are let in at a site."""

    serials: Sequence[str] = ()
    site: str | None = None
    on_refusal: OnRefusal = OnRefusal.REFUSE_ALL


@dataclass(frozen=True, slots=True)
class Refusal:
    """A device that does not take a command; `problems` are those of its parameters."""

    serial: str
    reason: RefusalReason
    message: str
    problems: tuple[SchemaProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Requested:
    """What was requested, as (command id, serial), and who was left out."""

    commands: Sequence[tuple[str, str]]
    refusals: Sequence[Refusal]


@dataclass(frozen=True, slots=True)
class _Found:
    """A device that may take a command."""

    device_id: int
    serial: str


async def request_commands(
    pool: asyncpg.Pool, order: Order, target: Target, make_id: Callable[[], str], author: Author
) -> Requested:
    """Request a command of several devices, in one transaction with the journal.

    Raises:
        NotFoundError: there is no such site, or nothing is let in there.
        RefusedPartsError: devices refuse it and none is to be left out, or all refuse it.
        StoreUnavailableError: try again later; whether it was requested shows the list.
    """
    rows = await _find_devices(pool, target)
    takers, refusals = await asyncio.to_thread(_sort, rows, target, order)
    if refusals and (target.on_refusal is OnRefusal.REFUSE_ALL or not takers):
        raise _refused(refusals)
    requested = [(make_id(), _event(order, found)) for found in takers]
    async with transaction(pool) as connection:
        await insert_commands(connection, requested, author)
    return Requested([(id_, event.serial) for id_, event in requested], refusals)


async def request_command(
    pool: asyncpg.Pool, order: Order, serial: str, command_id: str, author: Author
) -> None:
    """Request a command of one device, together with the journal.

    Raises:
        NotFoundError: no device has this serial.
        ConflictError: the device is not let in, or has too much to do already.
        RefusedPartsError: it does not know the command, or not with these parameters.
        StoreUnavailableError: try again later; whether it was requested shows the list.
    """
    target = Target([serial])
    rows = await _find_devices(pool, target)
    takers, refusals = await asyncio.to_thread(_sort, rows, target, order)
    for refusal in refusals:
        raise _refused_alone(refusal)
    async with transaction(pool) as connection:
        await insert_commands(connection, [(command_id, _event(order, takers[0]))], author)


async def cancel_command(
    pool: asyncpg.Pool, command_id: str, now: datetime, author: Author
) -> Command:
    """Cancel a command that has not reached its device; safe to repeat.

    Raises:
        NotFoundError: there is no such command.
        ConflictError: it is too late.
        StoreUnavailableError: try again later.
    """
    async with transaction(pool) as connection:
        found = await lock_commands(connection, "command_id = $1", command_id)
        if not found:
            raise NotFoundError(f"there is no command {command_id[:80]!r}")
        (stored,) = found
        steps = [Step(stored, decide(stored.command, Cancel(now)), author.actor)]
        after = await store_steps(connection, steps)
    return after[0] if after else stored.command


async def _find_devices(pool: asyncpg.Pool, target: Target) -> list[asyncpg.Record]:
    if target.site is None:
        serials = sorted({serial for serial in target.serials if is_serial(serial)})
        return await fetch(pool, _DEVICES, serials)
    rows = await fetch(pool, _DEVICES_OF_SITE, DEFAULT_ORGANISATION, target.site)
    if len(rows) > DEVICE_COUNT_MAX:
        raise RefusedPartsError(
            f"more than {DEVICE_COUNT_MAX} devices are at {target.site}: name them in several "
            "requests",
            [("body.site", f"more than {DEVICE_COUNT_MAX} devices")],
        )
    if not rows:
        (answer,) = await fetch(pool, _HAS_SITE, DEFAULT_ORGANISATION, target.site)
        if answer["found"]:
            raise NotFoundError(f"no device is let in at the site {target.site!r}")
        raise NotFoundError(f"there is no site {target.site[:80]!r}")
    return rows


def _sort(
    rows: Sequence[asyncpg.Record], target: Target, order: Order
) -> tuple[list[_Found], list[Refusal]]:
    known = {row["serial"] for row in rows}
    refusals = [
        Refusal(serial, RefusalReason.UNKNOWN_DEVICE, f"no device has the serial {serial[:80]!r}")
        for serial in dict.fromkeys(target.serials)
        if serial not in known
    ]
    takers: list[_Found] = []
    checked: dict[str, WrongCommand | None] = {}
    for row in rows:
        refusal = _refuse(row, order, checked)
        if refusal is None:
            takers.append(_Found(row["device_id"], row["serial"]))
        else:
            refusals.append(refusal)
    return takers, refusals


def _refuse(
    row: asyncpg.Record, order: Order, checked: dict[str, WrongCommand | None]
) -> Refusal | None:
    serial = row["serial"]
    state = DeviceState.DELETED if row["is_deleted"] else DeviceState(row["state"])
    if state is not DeviceState.ACTIVE:
        return Refusal(serial, RefusalReason.NOT_LET_IN, _REMEDIES[state])
    if row["waiting_count"] >= WAITING_COUNT_MAX:
        message = f"{row['waiting_count']} commands of the device are under way; cancel some"
        return Refusal(serial, RefusalReason.TOO_MANY_WAITING, message)
    declared = row["capabilities"]
    if declared not in checked:
        if len(checked) == DECLARATION_COUNT_MAX:
            raise RefusedPartsError(
                f"the devices declare more than {DECLARATION_COUNT_MAX} different things that they "
                "can do: name fewer in one request",
                [("body", "too many kinds of devices")],
            )
        capabilities = DescribedCapabilities.model_validate_json(declared)
        checked[declared] = check_command(capabilities, order.command, order.parameters)
    wrong = checked[declared]
    if wrong is None:
        return None
    reason = RefusalReason.WRONG_PARAMETERS if wrong.problems else RefusalReason.UNKNOWN_COMMAND
    return Refusal(serial, reason, wrong.message, wrong.problems)


def _refused_alone(refusal: Refusal) -> NotFoundError | ConflictError | RefusedPartsError:
    match refusal.reason:
        case RefusalReason.UNKNOWN_DEVICE:
            return NotFoundError(refusal.message)
        case RefusalReason.NOT_LET_IN | RefusalReason.TOO_MANY_WAITING:
            return ConflictError(f"{refusal.serial}: {refusal.message}")
        case RefusalReason.UNKNOWN_COMMAND:
            return RefusedPartsError(refusal.message, [("body.command", refusal.message)])
        case RefusalReason.WRONG_PARAMETERS:
            parts = [
                (f"body.parameters.{problem.path}".rstrip("."), problem.message)
                for problem in refusal.problems
            ]
            return RefusedPartsError(refusal.message, parts)


def _refused(refusals: Sequence[Refusal]) -> RefusedPartsError:
    told = refusals[:REFUSED_TOLD_MAX]
    first = refusals[:_SUMMARY_COUNT]
    summary = "; ".join(f"{refusal.serial[:80]}: {refusal.message}" for refusal in first)
    more_count = len(refusals) - len(first)
    more = f"; and {more_count} more" if more_count else ""
    return RefusedPartsError(
        f"nothing was requested, devices refuse it: {summary}{more}",
        [(f"body.devices.{refusal.serial[:80]}", refusal.message) for refusal in told],
    )


def _event(order: Order, found: _Found) -> CommandRequested:
    return CommandRequested(
        device_id=found.device_id,
        serial=found.serial,
        command=order.command,
        parameters=dict(order.parameters),
        at=order.requested_at,
        expires_at=order.expires_at,
        timeout_s=order.timeout_s,
        group_id=order.group_id,
    )
