"""Commands under way: every step once, whatever is repeated, and the journal explains all."""

import asyncio
from datetime import timedelta
from random import Random

import asyncpg
import pytest

from tests.integration.postgres.command_desk import ADA, KEPT_FOR, TIMEOUT_S, TTL, CommandDesk
from weir.errors import ConflictError, UnknownCommandError
from weir.events.device_commands import Disable
from weir.model.command import CommandState, Reply, ReplyStatus
from weir.postgres import commands
from weir.postgres.command_requests import cancel_command
from weir.postgres.commands import RESEND_INTERVAL_S, RESENT_AT_ONCE_COUNT
from weir.postgres.device_changes import change_device
from weir.postgres.journal_rebuild import rebuild_commands

pytestmark = pytest.mark.postgres

PUMPS = ("pump-1", "pump-2", "pump-3")


@pytest.fixture
async def desk(pool: asyncpg.Pool) -> CommandDesk:
    desk = CommandDesk(pool)
    await desk.enrol(*PUMPS)
    return desk


async def assert_rebuilt(pool: asyncpg.Pool) -> None:
    (found,) = await rebuild_commands(pool)
    assert [] == found.differences
    assert (
        found.live_count
        == found.rebuilt_count
        == await pool.fetchval("SELECT count(*) FROM command")
    )


async def test_what_is_sent_twice_is_noted_once(desk: CommandDesk) -> None:
    id_ = await desk.request_one("pump-1")
    taken = await desk.store.take_requested([id_], desk.clock.now())
    for _ in range(2):
        await desk.store.mark_sent(taken, desk.clock.now(), {id_: 1})

    assert ["requested", "sent"] == await desk.events(id_)
    assert [] == await desk.store.take_requested([id_], desk.clock.now())


async def test_commands_are_taken_in_the_order_of_the_journal(desk: CommandDesk) -> None:
    ids = [await desk.request_one(serial) for serial in PUMPS]

    taken = await desk.store.take_requested([*reversed(ids)], desk.clock.now())

    assert [*reversed(ids)] == [command.message.command_id for command in taken]


async def test_a_device_that_was_shut_out_meanwhile_is_sent_nothing(desk: CommandDesk) -> None:
    id_ = await desk.request_one("pump-1")
    await change_device(desk.pool, "pump-1", [Disable()], ADA)

    assert [] == await desk.send(id_)
    assert {id_: "cancelled"} == await desk.states()
    assert "the device is disabled" == await desk.pool.fetchval("SELECT error FROM command")


async def test_a_reply_of_another_device_is_none(desk: CommandDesk) -> None:
    id_ = await desk.request_one("pump-1")
    await desk.send(id_)

    with pytest.raises(UnknownCommandError, match="pump-2 was sent no command"):
        await desk.reply("pump-2", id_, ReplyStatus.SUCCEEDED)
    with pytest.raises(UnknownCommandError):
        await desk.reply("pump-1", "x" * 64, ReplyStatus.SUCCEEDED)
    assert {id_: "sent"} == await desk.states()


async def test_time_ends_what_nobody_answers(desk: CommandDesk) -> None:
    unsent = await desk.request_one("pump-1")
    sent = await desk.request_one("pump-2")
    delivered = await desk.request_one("pump-3", ttl=timedelta(days=1))
    await desk.send(sent, delivered)
    desk.time.advance(TTL.total_seconds())
    await desk.reply("pump-3", delivered, ReplyStatus.RECEIVED)

    async def end() -> dict[str, str]:
        await desk.store.expire_unsent(desk.clock.now())
        await desk.store.end_overdue(desk.clock.now())
        return await desk.states()

    assert {unsent: "expired", sent: "sent", delivered: "delivered"} == await end()
    assert not await desk.store.has_overdue(desk.clock.now())
    desk.time.advance(TIMEOUT_S)
    assert await desk.store.has_overdue(desk.clock.now())
    assert {unsent: "expired", sent: "expired", delivered: "timed_out"} == await end()
    assert [] == await desk.store.count_waiting()
    assert ["command_answered_late"] == await desk.reply("pump-2", sent, ReplyStatus.FAILED)
    await assert_rebuilt(desk.pool)


async def test_more_than_a_batch_is_ended(
    desk: CommandDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "BATCH_COUNT", 3)
    monkeypatch.setattr(commands, "_DUE", commands._DUE.replace("LIMIT 500", "LIMIT 3"))
    for _ in range(7):
        await desk.request_one("pump-1")
    desk.time.advance(TTL.total_seconds())

    assert {"command_expired": 7} == await desk.store.expire_unsent(desk.clock.now())


async def test_what_the_broker_has_refused_is_found_again_after_a_while(desk: CommandDesk) -> None:
    ids = [await desk.request_one("pump-1") for _ in range(12)]
    other = await desk.request_one("pump-2")
    assert [] == await desk.store.find_left(desk.clock.now())
    desk.time.advance(11)

    left = [each.message.command_id for each in await desk.store.find_left(desk.clock.now())]

    # Of each device only the oldest, so that one does not keep the others from their turn.
    assert 10 == len(set(left) & set(ids))
    assert other in left


async def test_what_was_sent_and_not_heard_of_is_sent_again_ever_more_rarely(
    desk: CommandDesk,
) -> None:
    id_ = await desk.request_one("pump-1", ttl=timedelta(days=1))
    await desk.send(id_)

    async def send_again() -> int:
        unheard = await desk.store.find_unheard(PUMPS, desk.clock.now())
        await desk.store.mark_sent(unheard, desk.clock.now(), {})
        return len(unheard)

    for _ in range(RESENT_AT_ONCE_COUNT - 1):
        assert 1 == await send_again()
    assert 0 == await send_again()
    desk.time.advance(RESEND_INTERVAL_S)
    assert 1 == await send_again()
    desk.time.advance(RESEND_INTERVAL_S)
    assert 0 == await send_again()
    desk.time.advance(86_400)
    assert 0 == await send_again()


async def test_what_has_ended_is_kept_for_a_while(
    desk: CommandDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "DROPPED_COUNT", 2)
    old = [await desk.request_one("pump-1") for _ in range(5)]
    for id_ in old:
        await cancel_command(desk.pool, id_, desk.clock.now(), ADA)
    desk.time.advance(1)
    waiting = await desk.request_one("pump-1", ttl=timedelta(days=200))
    young = await desk.request_one("pump-2")
    await cancel_command(desk.pool, young, desk.clock.now(), ADA)
    desk.time.advance(KEPT_FOR.total_seconds())

    assert 5 == await desk.store.drop_ended(desk.clock.now())
    assert 0 == await desk.store.drop_ended(desk.clock.now())
    assert {waiting, young} == (await desk.states()).keys()
    await assert_rebuilt(desk.pool)


async def test_of_those_who_are_at_one_command_each_has_its_turn(desk: CommandDesk) -> None:
    ids = [await desk.request_one(serial) for serial in PUMPS for _ in range(5)]
    taken = await desk.store.take_requested(ids, desk.clock.now())
    now = desk.clock.now()
    replies = [
        desk.store.note_reply(command.serial, Reply(command.message.command_id, status), now)
        for command in taken
        for status in (ReplyStatus.RECEIVED, ReplyStatus.SUCCEEDED)
    ]

    await asyncio.gather(
        desk.store.mark_sent(taken, now, {}),
        *replies,
        desk.store.mark_sent(taken, now, {}),
        desk.store.end_overdue(now + timedelta(days=9)),
    )

    for id_ in ids:
        assert ["requested", "sent", "delivered"] == (await desk.events(id_))[:3]
    assert set(await desk.states()) == set(ids)
    await assert_rebuilt(desk.pool)


async def test_the_table_is_what_the_journal_adds_up_to_whatever_happens(
    pool: asyncpg.Pool,
) -> None:
    random = Random(11)
    desk = CommandDesk(pool, 11)
    await desk.enrol(*PUMPS)
    ids: list[tuple[str, str]] = []
    for _ in range(150):
        desk.time.advance(random.choice([0, 1, 30, 600]))
        now = desk.clock.now()
        if len(ids) < 5 or random.random() < 0.2:
            ids += (await desk.request(*random.sample(PUMPS, 2))).commands
        id_, serial = random.choice(ids[-8:])
        match random.randrange(5):
            case 0:
                await desk.send(id_)
            case 1:
                reply = Reply(id_, random.choice([*ReplyStatus]), {"n": 1.5}, "why", now)
                await desk.store.note_reply(serial, reply, now)
            case 2:
                unheard = await desk.store.find_unheard([serial], now)
                await desk.store.mark_sent(unheard, now, {})
            case 3:
                await desk.store.expire_unsent(now)
                await desk.store.end_overdue(now)
            case 4:
                try:
                    await cancel_command(pool, id_, now, ADA)
                except ConflictError:
                    continue
    states = set((await desk.states()).values())
    assert states >= {CommandState.EXPIRED, CommandState.SUCCEEDED, CommandState.CANCELLED}
    await assert_rebuilt(pool)

    await pool.execute("UPDATE command SET state = 'failed' WHERE state = 'succeeded'")
    await pool.execute("DELETE FROM command WHERE state = 'expired'")
    (found,) = await rebuild_commands(pool, apply=True)
    assert found.difference_count
    await assert_rebuilt(pool)
