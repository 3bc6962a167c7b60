"""Run a queue consumer: one delivery at a time, in order, acknowledged when its work is done.

What cannot be done now is tried again in place, so that nothing overtakes it. What can never be
done is kept as a dead letter and then acknowledged, in that order. When the broker is away, or the
database for long, the worker lets go of everything and starts again when both answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog

from weir import metrics
from weir.clock import Clock
from weir.consumer import Delivery, QueueConsumer
from weir.errors import ConfigError, ConflictError, TransientError, WeirError
from weir.ports import DeadLetter
from weir.runtime.dead_letter_limit import NO_BOUNDS, DeadLetterBounds, DeadLetterLimit
from weir.runtime.outage import Outage
from weir.runtime.settlement import Reject, dead_letter, decide
from weir.tracing import TRACEPARENT, parse_traceparent, span

log = structlog.get_logger()

#: How long a delivery is tried again while it is held. The broker takes it back after 30 minutes,
#: and counts each return: after letting go, nothing is taken before the database answers.
HOLD_S = 1_200.0
#: How long a delivery that is being handled has to come to its end when the worker stops.
SHUTDOWN_GRACE_S = 5.0


class Reader(Protocol):
    """Gives the deliveries of some queues in order."""

    async def next(self) -> Delivery:
        """Wait for the next delivery."""
        ...

    async def ack(self) -> None:
        """Acknowledge the delivery that `next` gave last."""
        ...


@dataclass(frozen=True, slots=True)
class QueueSource:
    """Where a worker's deliveries come from.

    Attributes:
        prepare: makes sure that the database answers and the queues are there; called before each
            connection, because a broker may come back empty.
        open_queues: connects and reads.
        dead_letter_bounds: when more is rejected, the worker stops (`DeadLetterLimit`).
    """

    prepare: Callable[[], Awaitable[object]]
    open_queues: Callable[[Sequence[str]], AbstractAsyncContextManager[Reader]]
    clock: Clock
    dead_letter_bounds: DeadLetterBounds = NO_BOUNDS


class QueueWorker:
    """Runs a queue consumer until it is cancelled."""

    def __init__(self, consumer: QueueConsumer, source: QueueSource) -> None:
        self._consumer = consumer
        self._source = source
        self._outage = Outage()
        self._limit = DeadLetterLimit(consumer.name, source.dead_letter_bounds)
        self._is_stuck = False

    async def run(self) -> None:
        """Work for ever; losing the broker or the database is waited out.

        Cancelling waits up to `SHUTDOWN_GRACE_S` for the delivery in hand; all others go back.

        Raises:
            ConfigError: a setting is missing, or the broker refuses us.
            TooManyDeadLettersError: nearly everything is rejected.
        """
        structlog.contextvars.bind_contextvars(consumer=self._consumer.name)
        while True:
            try:
                await self._run_once()
            except TransientError as error:
                await self._outage.wait(error)

    async def _run_once(self) -> None:
        await self._source.prepare()
        async with self._source.open_queues(self._consumer.queues) as reader:
            if not self._is_stuck:
                self._outage.over()
            self._consumer.note_connected()
            while True:
                delivery = await reader.next()
                await _finish(self._settle(reader, delivery), SHUTDOWN_GRACE_S)

    async def _settle(self, reader: Reader, delivery: Delivery) -> None:
        # Runs in a task of its own, so what is bound here ends with it.
        structlog.contextvars.bind_contextvars(
            queue=delivery.queue, routing_key=delivery.routing_key
        )
        parent = parse_traceparent(delivery.headers.get(TRACEPARENT))
        if parent is not None:
            structlog.contextvars.bind_contextvars(trace_id=parent.trace_id)
        with (
            metrics.HANDLE_SECONDS.labels(self._consumer.name).time(),
            span(self._consumer.name, parent, {"queue": delivery.queue}),
        ):
            letter = await self._dispose(delivery)
        self._is_stuck = False
        self._outage.over()
        await reader.ack()
        self._account(delivery, letter)

    async def _dispose(self, delivery: Delivery) -> DeadLetter | None:
        """Handle a delivery or keep it as a dead letter, however many attempts that takes."""
        held_since = asyncio.get_running_loop().time()
        attempt_count = delivery.delivery_count
        while True:
            try:
                return await self._attempt(delivery, attempt_count)
            except ConflictError:
                log.debug("delivery_retried", delivery_count=attempt_count)
            except TransientError as error:
                # Being connected is no recovery while nothing can be stored.
                self._is_stuck = True
                if asyncio.get_running_loop().time() - held_since > HOLD_S:
                    raise
                await self._outage.wait(error)
            attempt_count += 1
            metrics.DELIVERIES.labels(self._consumer.name, "retry").inc()

    async def _attempt(self, delivery: Delivery, attempt_count: int) -> DeadLetter | None:
        try:
            await self._consumer.handle(delivery)
        except ConfigError:
            # No message is at fault: the process must not go on like this.
            raise
        except Exception as error:
            disposition = decide(error, attempt_count)
            if not isinstance(disposition, Reject):
                raise
            if not isinstance(error, WeirError):
                log.exception("handler_crashed")
            explanation = f"{type(error).__name__}: {error}"
            letter = dead_letter(self._consumer.name, delivery, disposition.reason, explanation)
            letter = replace(letter, attempts=attempt_count)
            await self._consumer.ports.dead_letters.keep(letter)
            return letter
        return None

    def _account(self, delivery: Delivery, letter: DeadLetter | None) -> None:
        name = self._consumer.name
        now = self._source.clock.now()
        received_at_s = delivery.received_at.timestamp()
        commit = metrics.Commit(name, delivery.queue, 1, received_at_s, received_at_s)
        metrics.note_commit(commit, now.timestamp())
        if letter is None:
            metrics.DELIVERIES.labels(name, "ack").inc()
            self._limit.accept(now, delivery.routing_key)
        else:
            metrics.DELIVERIES.labels(name, "dead_letter").inc()
            metrics.DEAD_LETTERS.labels(name, letter.reason).inc()
            self._limit.reject(now, letter)
            log.error(
                "delivery_dead_lettered",
                reason=letter.reason,
                error=letter.error,
                delivery_count=letter.attempts,
            )
        self._limit.check(now)


async def _finish(work: Coroutine[Any, Any, None], grace_s: float) -> None:
    """Wait for `work`; when cancelled, give it `grace_s` seconds to come to its end."""
    task = asyncio.create_task(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait([task], timeout=grace_s)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        raise
