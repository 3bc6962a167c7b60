"""A queue worker without a broker: settled in order, kept before acknowledged, ended in order."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.unit.runtime.doubles import KEY, QUEUE, Handle, MemoryQueue, Scripted
from weir import metrics
from weir.consumer import Delivery
from weir.errors import (
    ConfigError,
    ConflictError,
    DecodeError,
    StoreUnavailableError,
    TooManyDeadLettersError,
    TransientError,
)
from weir.runtime import queue_worker
from weir.runtime.dead_letter_limit import WINDOW_MESSAGE_COUNT, DeadLetterBounds
from weir.runtime.queue_worker import QueueWorker
from weir.runtime.settlement import ATTEMPT_COUNT_MAX
from weir.testing.conditions import eventually
from weir.testing.memory import MemoryDeadLetterStore, memory_ports
from weir.testing.running import running


async def test_deliveries_are_acknowledged_in_order() -> None:
    queue = MemoryQueue(b"1", b"2", b"3")
    async with running(QueueWorker(Scripted(memory_ports()), queue.source()).run()):
        await eventually(lambda: queue.acknowledged == [b"1", b"2", b"3"])


async def test_an_invalid_message_is_acknowledged_only_after_it_is_kept() -> None:
    store = MemoryDeadLetterStore(failures=[StoreUnavailableError("away")])
    acknowledged_when_kept: list[bytes] = []

    async def refuse(_: Delivery) -> None:
        acknowledged_when_kept.extend(queue.acknowledged)
        raise DecodeError("not protobuf")

    queue = MemoryQueue(b"rubbish")
    consumer = Scripted(memory_ports(store), refuse)
    async with running(QueueWorker(consumer, queue.source()).run()):
        await eventually(lambda: queue.acknowledged == [b"rubbish"])
    (letter,) = store.letters
    assert [] == acknowledged_when_kept
    assert ("scripted", "undecodable", QUEUE, KEY, b"rubbish", "pump-1", 2) == (
        letter.consumer,
        letter.reason,
        letter.source,
        letter.routing_key,
        letter.body,
        letter.serial,
        letter.attempts,
    )


@pytest.mark.parametrize("error", [ConflictError("newer"), TransientError("busy")])
async def test_what_passes_by_itself_is_tried_again_in_place(error: Exception) -> None:
    failures = iter([error, error])
    queue = MemoryQueue(b"1", b"2")
    consumer = Scripted(memory_ports(), _failing(failures))
    async with running(QueueWorker(consumer, queue.source()).run()):
        await eventually(lambda: queue.acknowledged == [b"1", b"2"])
    assert [b"1", b"1", b"1", b"2"] == consumer.attempts


async def test_what_never_passes_is_kept_after_some_attempts() -> None:
    failures = iter([ConflictError("newer")] * ATTEMPT_COUNT_MAX)
    store = MemoryDeadLetterStore()
    queue = MemoryQueue(b"1", b"2")
    consumer = Scripted(memory_ports(store), _failing(failures))
    async with running(QueueWorker(consumer, queue.source()).run()):
        await eventually(lambda: queue.acknowledged == [b"1", b"2"])
    assert ["attempts_exhausted"] == [letter.reason for letter in store.letters]


async def test_a_crashing_handler_rejects_its_message_and_goes_on() -> None:
    store = MemoryDeadLetterStore()
    queue = MemoryQueue(b"1", b"2")
    consumer = Scripted(memory_ports(store), _failing(iter([KeyError("a bug")])))
    async with running(QueueWorker(consumer, queue.source()).run()):
        await eventually(lambda: queue.acknowledged == [b"1", b"2"])
    assert [("handler_crashed", "KeyError: 'a bug'")] == [
        (letter.reason, letter.error) for letter in store.letters
    ]


async def test_wrong_settings_stop_the_worker_and_reject_nothing() -> None:
    store = MemoryDeadLetterStore()
    queue = MemoryQueue(b"1")
    consumer = Scripted(memory_ports(store), _failing(iter([ConfigError("no folder")])))
    with pytest.raises(ConfigError, match="no folder"):
        await QueueWorker(consumer, queue.source()).run()
    assert ([], []) == (store.letters, queue.acknowledged)


async def test_a_long_outage_is_waited_out_with_empty_hands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue_worker, "HOLD_S", 0.0)
    queue = MemoryQueue(b"1")
    failures = iter([StoreUnavailableError("away")] * 2)
    consumer = Scripted(memory_ports(), _failing(failures))
    async with running(QueueWorker(consumer, queue.source()).run()):
        await eventually(lambda: queue.acknowledged == [b"1"])
    assert 3 == queue.connection_count


async def test_a_lost_acknowledgement_means_a_second_delivery() -> None:
    queue = MemoryQueue(b"1", b"2")
    queue.refused_ack_count = 1
    consumer = Scripted(memory_ports())
    async with running(QueueWorker(consumer, queue.source()).run()):
        await eventually(lambda: queue.acknowledged == [b"1", b"2"])
    assert [b"1", b"1", b"2"] == consumer.attempts
    assert 2 == queue.connection_count


async def test_a_worker_that_rejects_nearly_everything_stops() -> None:
    queue = MemoryQueue(*[b"x"] * (WINDOW_MESSAGE_COUNT + 1))

    async def refuse(_: Delivery) -> None:
        queue.clock.advance(1)
        raise DecodeError("no")

    source = queue.source(DeadLetterBounds(share_max=0.5))
    worker = QueueWorker(Scripted(memory_ports(), refuse), source)
    with pytest.raises(TooManyDeadLettersError, match="scripted stopped"):
        await worker.run()
    assert WINDOW_MESSAGE_COUNT == len(queue.acknowledged)


async def test_stopping_waits_for_the_delivery_in_hand() -> None:
    handling, may_end = asyncio.Event(), asyncio.Event()

    async def handle(_: Delivery) -> None:
        handling.set()
        await may_end.wait()

    queue = MemoryQueue(b"1", b"2")
    task = asyncio.create_task(QueueWorker(Scripted(memory_ports(), handle), queue.source()).run())
    await handling.wait()
    task.cancel()
    asyncio.get_running_loop().call_soon(may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [b"1"] == queue.acknowledged


async def test_stopping_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_worker, "SHUTDOWN_GRACE_S", 0.05)
    handling = asyncio.Event()

    async def handle(_: Delivery) -> None:
        handling.set()
        await asyncio.Event().wait()

    queue = MemoryQueue(b"1")
    task = asyncio.create_task(QueueWorker(Scripted(memory_ports(), handle), queue.source()).run())
    await handling.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [] == queue.acknowledged


async def test_what_became_of_deliveries_is_counted() -> None:
    def count(disposition: str) -> float:
        value: float = metrics.DELIVERIES.labels("scripted", disposition)._value.get()
        return value

    before = {name: count(name) for name in ("ack", "dead_letter", "retry")}
    queue = MemoryQueue(b"1", b"2", b"3")
    failures = iter([DecodeError("no"), ConflictError("newer")])
    async with running(
        QueueWorker(Scripted(memory_ports(), _failing(failures)), queue.source()).run()
    ):
        await eventually(lambda: len(queue.acknowledged) == 3)
    assert {"ack": 2, "dead_letter": 1, "retry": 1} == {
        name: count(name) - before[name] for name in before
    }
    last_commit_s = metrics.LAST_COMMIT_TIMESTAMP.labels("scripted", QUEUE)._value.get()
    assert queue.clock.now().timestamp() == last_commit_s


def _failing(failures: Iterator[Exception]) -> Handle:
    async def handle(_: Delivery) -> None:
        for failure in failures:
            raise failure

    return handle
