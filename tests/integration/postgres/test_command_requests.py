"""A command is requested of all that are meant, or of none."""

from typing import Any

import asyncpg
import pytest

from tests.integration.postgres.command_desk import ADA, CommandDesk
from weir.errors import ConflictError, NotFoundError, RefusedPartsError
from weir.events.device_commands import Command, Delete, Disable, Move
from weir.model.capabilities import Capabilities, CommandDescription
from weir.model.site import DEFAULT_ORGANISATION
from weir.postgres import command_requests
from weir.postgres.command_requests import (
    WAITING_COUNT_MAX,
    OnRefusal,
    RefusalReason,
    cancel_command,
    request_command,
)
from weir.postgres.device_changes import change_device
from weir.postgres.devices import resolve_devices
from weir.postgres.sites import SiteName, create_site

pytestmark = pytest.mark.postgres

PURGING = Capabilities((CommandDescription("purge", "", {"type": "object"}),))


@pytest.fixture
async def desk(pool: asyncpg.Pool) -> CommandDesk:
    desk = CommandDesk(pool)
    await desk.enrol("pump-1", "pump-2")
    return desk


async def change(pool: asyncpg.Pool, serial: str, command: Command) -> None:
    await change_device(pool, serial, [command], ADA)


async def test_what_was_requested_is_there_with_who_wants_it(desk: CommandDesk) -> None:
    order = desk.order("sleep", {"duration_s": 5.5})
    requested = await desk.request("pump-2", "pump-1", "pump-2", order=order)

    assert ["pump-1", "pump-2"] == [serial for _, serial in requested.commands]
    row = await desk.pool.fetchrow(
        "SELECT * FROM command WHERE command_id = $1", requested.commands[0][0]
    )
    assert row is not None
    assert ("requested", "sleep", '{"duration_s": 5.5}', "user:ada", "c0ffee", 1) == (
        row["state"],
        row["name"],
        row["parameters"],
        row["requested_by"],
        row["correlation_id"],
        row["entity_version"],
    )
    assert ["requested"] == await desk.events(requested.commands[0][0])


async def test_all_of_a_site_are_those_that_are_let_in_there(desk: CommandDesk) -> None:
    await create_site(desk.pool, SiteName("harbour"), "Harbour", "UTC", ADA)
    await desk.enrol("pump-3", "pump-4", "pump-5")
    for serial in ("pump-2", "pump-3", "pump-4"):
        await change(desk.pool, serial, Move(DEFAULT_ORGANISATION, "harbour"))
    await change(desk.pool, "pump-3", Disable())

    requested = await desk.request(site="harbour")

    assert ["pump-2", "pump-4"] == [serial for _, serial in requested.commands]


async def test_one_that_refuses_is_enough_for_nothing_to_be_requested(desk: CommandDesk) -> None:
    await desk.enrol("press-1", capabilities=PURGING)
    await change(desk.pool, "pump-2", Disable())

    with pytest.raises(RefusedPartsError, match="nothing was requested") as caught:
        await desk.request("pump-1", "pump-2", "press-1", "ghost")

    assert {} == await desk.states()
    assert [
        ("body.devices.ghost", "no device has the serial 'ghost'"),
        ("body.devices.press-1", "the device knows no command 'ping'; it knows: purge"),
        ("body.devices.pump-2", "the device is disabled: enable it first"),
    ] == caught.value.parts


async def test_those_that_refuse_can_be_left_out(desk: CommandDesk) -> None:
    await desk.enrol("press-1", capabilities=PURGING)

    requested = await desk.request("pump-1", "press-1", on_refusal=OnRefusal.SKIP)

    assert ["pump-1"] == [serial for _, serial in requested.commands]
    assert [("press-1", RefusalReason.UNKNOWN_COMMAND)] == [
        (refusal.serial, refusal.reason) for refusal in requested.refusals
    ]


async def test_when_all_refuse_there_is_nothing_to_request(desk: CommandDesk) -> None:
    with pytest.raises(RefusedPartsError):
        await desk.request("ghost", "an impossible \0 serial", on_refusal=OnRefusal.SKIP)


@pytest.mark.parametrize(
    ("order", "part"),
    [
        ({"command": "dance"}, "body.command"),
        ({"command": "sleep", "parameters": {"duration_s": -1}}, "body.parameters.duration_s"),
        ({"command": "ping", "parameters": {"a": 1}}, "body.parameters.a"),
    ],
)
async def test_the_part_of_a_request_is_named_that_is_wrong(
    desk: CommandDesk, order: dict[str, Any], part: str
) -> None:
    with pytest.raises(RefusedPartsError) as caught:
        await request_command(desk.pool, desk.order(**order), "pump-1", desk.new_id(), ADA)

    assert [part] == [where for where, _ in caught.value.parts]


async def test_a_device_that_is_not_let_in_is_asked_nothing(desk: CommandDesk) -> None:
    await change(desk.pool, "pump-1", Disable())
    await change(desk.pool, "pump-2", Delete())

    for serial, error, reason in (
        ("pump-1", ConflictError, "pump-1: the device is disabled: enable it first"),
        ("pump-2", ConflictError, "pump-2: the device is deleted: undelete it first"),
        ("ghost", NotFoundError, "no device has the serial 'ghost'"),
    ):
        with pytest.raises(error, match=reason):
            await request_command(desk.pool, desk.order(), serial, desk.new_id(), ADA)


async def test_a_device_has_only_so_much_to_do(desk: CommandDesk) -> None:
    for _ in range(WAITING_COUNT_MAX):
        await desk.request_one("pump-1")

    with pytest.raises(ConflictError, match=f"{WAITING_COUNT_MAX} commands of the device are"):
        await request_command(desk.pool, desk.order(), "pump-1", desk.new_id(), ADA)


async def test_a_site_that_is_not_there_is_told_from_an_empty_one(desk: CommandDesk) -> None:
    await create_site(desk.pool, SiteName("desert"), "Desert", "UTC", ADA)

    with pytest.raises(NotFoundError, match="there is no site 'nowhere'"):
        await desk.request(site="nowhere")
    with pytest.raises(NotFoundError, match="no device is let in at the site 'desert'"):
        await desk.request(site="desert")


async def test_what_one_request_may_ask_of_is_bounded(
    desk: CommandDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enrol("press-1", capabilities=PURGING)
    monkeypatch.setattr(command_requests, "DEVICE_COUNT_MAX", 2)
    with pytest.raises(RefusedPartsError, match="more than 2 devices are at unassigned"):
        await desk.request(site="unassigned")
    monkeypatch.setattr(command_requests, "DECLARATION_COUNT_MAX", 1)
    with pytest.raises(RefusedPartsError, match="more than 1 different things"):
        await desk.request("pump-1", "press-1", on_refusal=OnRefusal.SKIP)


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_thousands_of_devices_are_asked_in_one_request(
    pool: asyncpg.Pool, count: int
) -> None:
    desk = CommandDesk(pool)
    await resolve_devices(pool, [f"pump-{number}" for number in range(count)])

    requested = await desk.request(site="unassigned")

    assert count == len(requested.commands)
    assert count == await pool.fetchval("SELECT count(*) FROM command")


async def test_a_command_is_cancelled_as_long_as_the_device_does_not_have_it(
    desk: CommandDesk,
) -> None:
    id_ = await desk.request_one("pump-1")

    first = await cancel_command(desk.pool, id_, desk.clock.now(), ADA)
    again = await cancel_command(desk.pool, id_, desk.clock.now(), ADA)

    assert first == again
    assert ["requested", "cancelled"] == await desk.events(id_)
    assert [] == await desk.send(id_)
    with pytest.raises(NotFoundError):
        await cancel_command(desk.pool, desk.new_id(), desk.clock.now(), ADA)
