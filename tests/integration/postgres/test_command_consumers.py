"""What the consumers of commands do with what they are given, on a real database."""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import pytest

from consumers.commands import Commands
from consumers.replies import Replies
from tests.integration.postgres.command_desk import TIMEOUT_S, TTL, CommandDesk
from weir import metrics
from weir.bootstrap import make_ports
from weir.clock import iso
from weir.codec.control.reply import encode_reply
from weir.config import Settings
from weir.consumer import Delivery
from weir.errors import (
    BrokerUnavailableError,
    DecodeError,
    QueueFullError,
    UnknownCommandError,
    UnknownEventError,
    WeirError,
)
from weir.events.event import JournalRecord
from weir.model.command import Reply, ReplyStatus
from weir.model.names import OVERDUE_MARK_KEY, REPLIES_QUEUE
from weir.postgres.queries.journal import JournalFilter, follow_events
from weir.testing.memory import MemoryPublisher

pytestmark = pytest.mark.postgres


class Desk(CommandDesk):
    """With both consumers, and a publisher that keeps what they publish."""

    def __init__(self, pool: asyncpg.Pool, failures: Sequence[WeirError | None] = ()) -> None:
        super().__init__(pool)
        self.publisher = MemoryPublisher(failures)
        ports = replace(make_ports(Settings(), pool), publisher=self.publisher, clock=self.clock)
        self.commands = Commands(ports)
        self.replies = Replies(ports)

    @property
    def published(self) -> list[str | None]:
        """Name the messages that were published."""
        return [message.message_id for message in self.publisher.messages]

    async def records(self) -> list[JournalRecord]:
        """Give what the consumer of commands is woken by."""
        found = await follow_events(self.pool, JournalFilter(), after=0, limit=1_000)
        return [record for record in found if record.type in Commands.types]

    async def answer(self, key: str, body: bytes) -> None:
        """Let something arrive among the replies."""
        await self.replies.handle(Delivery(REPLIES_QUEUE, "iot", key, body, self.clock.now()))


async def opened(pool: asyncpg.Pool, failures: Sequence[WeirError | None] = ()) -> Desk:
    desk = Desk(pool, failures)
    await desk.enrol("pump-1", "pump-2")
    return desk


def succeeded(id_: str) -> bytes:
    return encode_reply(Reply(id_, ReplyStatus.SUCCEEDED))


async def test_what_is_published_says_how_long_it_is_wanted(pool: asyncpg.Pool) -> None:
    desk = await opened(pool)
    id_ = await desk.request_one("pump-1", command="sleep", parameters={"duration_s": 5})
    desk.time.advance(600)
    await desk.commands.handle(await desk.records())

    (message,) = desk.publisher.messages
    assert "sensor.pump-1.commands.sleep" == message.routing_key
    assert (id_, TTL.total_seconds() - 600) == (message.message_id, message.expires_in_s)
    cause = await pool.fetchval("SELECT causation_id FROM journal WHERE type = 'command_sent'")
    position = await pool.fetchval("SELECT position FROM journal WHERE type = 'command_requested'")
    assert str(position) == cause


async def test_handling_the_same_events_again_sends_nothing_again(pool: asyncpg.Pool) -> None:
    desk = await opened(pool)
    id_ = await desk.request_one("pump-1")
    for _ in range(2):
        await desk.commands.handle(await desk.records())

    # The device's first boot is among them, at which it was sent already: it may have missed it.
    assert {id_} == set(desk.published)
    assert 2 == len(desk.published)


async def test_what_was_published_before_a_crash_is_published_again(pool: asyncpg.Pool) -> None:
    desk = await opened(pool, [None, BrokerUnavailableError("gone")])
    ids = [await desk.request_one(serial) for serial in ("pump-1", "pump-2")]
    requested = (await desk.records())[-2:]
    await desk.commands.handle(requested[:1])
    with pytest.raises(BrokerUnavailableError):
        await desk.commands.handle(requested)
    assert {ids[0]: "sent", ids[1]: "requested"} == await desk.states()

    await desk.commands.handle(requested)

    assert {ids[0]: "sent", ids[1]: "sent"} == await desk.states()


async def test_what_a_full_queue_refuses_waits_for_its_turn(pool: asyncpg.Pool) -> None:
    desk = await opened(pool, [QueueFullError("full")])
    ids = [await desk.request_one(serial) for serial in ("pump-1", "pump-2")]
    await desk.commands.handle((await desk.records())[-2:])
    assert {ids[0]: "requested", ids[1]: "sent"} == await desk.states()

    await desk.commands.send_left()
    assert "requested" == (await desk.states())[ids[0]]
    desk.time.advance(11)
    await desk.commands.send_left()

    assert "sent" == (await desk.states())[ids[0]]


async def test_a_reply_that_waited_is_noted_before_its_command_times_out(
    pool: asyncpg.Pool,
) -> None:
    desk = await opened(pool)
    ids = [await desk.request_one("pump-1") for _ in range(2)]
    await desk.send(*ids)
    for id_ in ids:
        await desk.reply("pump-1", id_, ReplyStatus.RECEIVED)
    await desk.commands.end_due()
    assert [] == desk.published
    desk.time.advance(TIMEOUT_S)

    await desk.commands.end_due()

    # Nothing has ended yet: the mark is behind the reply, which nobody has read so far.
    assert {"delivered"} == set((await desk.states()).values())
    (mark,) = desk.publisher.messages
    await desk.answer("sensor.pump-1.replies.ping", succeeded(ids[0]))
    await desk.answer(mark.routing_key, mark.body)
    assert {ids[0]: "succeeded", ids[1]: "timed_out"} == await desk.states()


async def test_a_mark_ends_nothing_before_its_time(pool: asyncpg.Pool) -> None:
    desk = await opened(pool)
    id_ = await desk.request_one("pump-1")
    await desk.send(id_)
    desk.time.advance(60)
    early = iso(desk.clock.now())
    desk.time.advance(-60)

    for instant in (early, "9999-12-31T23:59:59Z"):
        await desk.answer(OVERDUE_MARK_KEY, instant.encode())
    assert {id_: "sent"} == await desk.states()
    for body in (b"tomorrow", b"\xff", b"0001-01-01T00:00:00+14:00"):
        with pytest.raises(DecodeError):
            await desk.answer(OVERDUE_MARK_KEY, body)


async def test_what_is_no_reply_to_a_command_is_rejected(pool: asyncpg.Pool) -> None:
    desk = await opened(pool)
    id_ = await desk.request_one("pump-1")
    for key, body, error in (
        ("sensor.pump-1.replies.ping", b"{}", DecodeError),
        ("sensor.pump-2.replies.ping", succeeded(id_), UnknownCommandError),
        ("sensor.pump-1.replies.ping", succeeded("never-sent"), UnknownCommandError),
        ("sensor.pump-1.repliesx", succeeded(id_), UnknownEventError),
    ):
        with pytest.raises(error):
            await desk.answer(key, body)
    assert {id_: "requested"} == await desk.states()


async def test_what_is_under_way_is_counted_with_its_age(pool: asyncpg.Pool) -> None:
    desk = await opened(pool)
    ids = [await desk.request_one("pump-1") for _ in range(3)]
    await desk.send(ids[0])
    desk.time.advance(90)
    await desk.commands.count_waiting()

    def told(state: str) -> tuple[float, float]:
        return (
            metrics.COMMANDS_WAITING.labels(state)._value.get(),
            metrics.COMMANDS_WAITING_AGE.labels(state)._value.get(),
        )

    assert [(2, 90), (1, 90), (0, 0)] == [*map(told, ("requested", "sent", "delivered"))]


async def test_what_expires_unsent_and_what_is_old_goes(pool: asyncpg.Pool) -> None:
    desk = await opened(pool)
    id_ = await desk.request_one("pump-1")
    desk.time.advance(TTL.total_seconds())
    await desk.commands.handle(await desk.records())
    await desk.commands.end_due()
    assert [] == desk.published
    assert {id_: "expired"} == await desk.states()

    desk.time.advance(91 * 86_400)
    await desk.commands.drop_ended()

    assert {} == await desk.states()
