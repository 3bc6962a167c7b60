"""Events in order, each worked on at least once; the checkpoint follows the work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from weir.consumer import JOURNAL, JournalConsumer, Ports
from weir.errors import (
    BrokerUnavailableError,
    ConflictError,
    StoreUnavailableError,
    UnknownEventError,
)
from weir.events.event import JournalRecord
from weir.ports import Checkpoint
from weir.runtime.journal_worker import (
    READ_AT_ONCE_COUNT,
    SKIPPED_TIME,
    JournalSource,
    JournalWorker,
)
from weir.testing.clock import START, ManualClock
from weir.testing.conditions import eventually
from weir.testing.memory import MemoryDeadLetterStore, memory_ports
from weir.testing.running import running

Handle = Callable[[Sequence[int]], Awaitable[None]]


def record(position: int, type_: str = "device_started") -> JournalRecord:
    return JournalRecord(
        position=position,
        entity="device",
        entity_id="pump-1",
        entity_version=position,
        type=type_,
        type_version=1,
        data={"boot_id": position},
        actor="pump-1",
        correlation_id=None,
        causation_id=None,
        recorded_at=START,
    )


@dataclass
class Page:
    records: Sequence[JournalRecord]
    next_position: int


class MemoryJournal:
    """A journal in memory with one checkpoint."""

    def __init__(self, count: int) -> None:
        self.records = [record(position) for position in range(1, count + 1)]
        self.clock = ManualClock()
        self.checkpoint = 0
        self.moves: list[int] = []
        self.read_failures: list[StoreUnavailableError] = []
        self._woken = asyncio.Event()

    def append(self, *records: JournalRecord) -> None:
        self.records += records
        self._woken.set()

    async def read(self, start: int, types: Sequence[str], limit: int) -> Page:
        if self.read_failures:
            raise self.read_failures.pop()
        wanted = [
            each
            for each in self.records
            if each.position >= start and (not types or each.type in types)
        ][:limit]
        end = wanted[-1] if len(wanted) == limit else self.records[-1]
        return Page(wanted, max(start, end.position + 1))

    async def wait(self, timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s):
            await self._woken.wait()
        self._woken.clear()

    async def next_offset(self, consumer: str, stream: str) -> int:
        assert ("scripted", JOURNAL) == (consumer, stream)
        return self.checkpoint

    async def move(self, start: Checkpoint, next_offset: int) -> None:
        if start.next_offset != self.checkpoint:
            raise ConflictError("moved by somebody else")
        self.checkpoint = next_offset
        self.moves.append(next_offset)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["MemoryJournal"]:
        yield self

    def source(self) -> JournalSource:
        return JournalSource(self.open, self, self.clock)


class Scripted(JournalConsumer):
    """Remembers what it was given, and then does what the test says."""

    name = "scripted"

    def __init__(self, ports: Ports, handle: Handle | None = None) -> None:
        super().__init__(ports)
        self._handle = handle
        self.seen: list[int] = []

    async def handle(self, records: Sequence[JournalRecord]) -> None:
        positions = [each.position for each in records]
        if self._handle is not None:
            await self._handle(positions)
        self.seen += positions


class OnlyMoves(Scripted):
    types = ("device_moved",)


async def test_every_event_is_handled_once_and_in_order() -> None:
    count = 2 * READ_AT_ONCE_COUNT + 1
    journal, consumer = MemoryJournal(count), Scripted(memory_ports())
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: journal.checkpoint == count + 1)

    assert list(range(1, count + 1)) == consumer.seen
    assert [READ_AT_ONCE_COUNT + 1, 2 * READ_AT_ONCE_COUNT + 1, count + 1] == journal.moves


async def test_what_is_appended_wakes_the_worker() -> None:
    journal, consumer = MemoryJournal(1), Scripted(memory_ports())
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: consumer.seen == [1])
        journal.append(record(2), record(5))
        await eventually(lambda: journal.checkpoint == 6)

    assert [1, 2, 5] == consumer.seen


async def test_what_fails_for_a_while_is_done_again_from_the_first() -> None:
    failures = [BrokerUnavailableError("away"), BrokerUnavailableError("still")]

    async def handle(_: Sequence[int]) -> None:
        if failures:
            raise failures.pop()

    journal, consumer = MemoryJournal(3), Scripted(memory_ports(), handle)
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: journal.checkpoint == 4)

    assert [1, 2, 3] == consumer.seen


async def test_a_lost_database_is_waited_out() -> None:
    journal, consumer = MemoryJournal(3), Scripted(memory_ports())
    journal.read_failures = [StoreUnavailableError("away")]
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: journal.checkpoint == 4)

    assert [1, 2, 3] == consumer.seen


async def test_it_goes_on_where_another_process_has_come_to() -> None:
    journal = MemoryJournal(3)

    async def handle(positions: Sequence[int]) -> None:
        if positions == [1, 2, 3]:
            journal.checkpoint = 3

    consumer = Scripted(memory_ports(), handle)
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: journal.checkpoint == 4)

    assert [1, 2, 3, 3] == consumer.seen


async def test_an_event_that_can_never_be_handled_is_set_aside_alone() -> None:
    async def handle(positions: Sequence[int]) -> None:
        if 3 in positions:
            raise UnknownEventError("of tomorrow")

    letters = MemoryDeadLetterStore()
    journal, consumer = MemoryJournal(5), Scripted(memory_ports(letters), handle)
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: journal.checkpoint == 6)

    assert [1, 2, 4, 5] == consumer.seen
    [letter] = letters.letters
    assert ("unknown_type", 3) == (letter.reason, letter.source_offset)
    assert "journal.device.device_started" == letter.routing_key


async def test_events_that_a_consumer_does_not_want_are_passed_over() -> None:
    journal, consumer = MemoryJournal(5), OnlyMoves(memory_ports())
    journal.append(record(6, "device_moved"))
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: journal.checkpoint == 7)

    assert [6] == consumer.seen


async def test_few_that_are_passed_over_are_remembered_after_a_while() -> None:
    journal, consumer = MemoryJournal(3), OnlyMoves(memory_ports())
    journal.append(record(4, "device_moved"))
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: journal.checkpoint == 5)
        journal.append(record(5))
        journal.clock.advance(SKIPPED_TIME.total_seconds())
        journal.append(record(6))
        await eventually(lambda: journal.checkpoint == 7)

    assert [5, 7] == [move for move in journal.moves if move != 6]
    assert [4] == consumer.seen


async def test_how_far_it_has_passed_over_is_remembered_now_and_then() -> None:
    journal, consumer = MemoryJournal(1_500), OnlyMoves(memory_ports())
    async with running(JournalWorker(consumer, journal.source()).run()):
        await eventually(lambda: journal.checkpoint == 1_501)

    assert [] == consumer.seen
