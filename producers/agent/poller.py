"""Polls one driver on its schedule, and makes messages of what it gives."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from producers.agent.batching import Batch, ChangeFilter
from producers.agent.check import AnyDriver
from producers.agent.clock import AgentClock
from producers.agent.configuration import DeviceDocument
from producers.agent.instants import Timebase, seconds
from producers.agent.outbox import Outbox, recovered, shortened, warning
from producers.agent.schedule import Schedule, to_interval_us
from producers.agent.spool import Spool
from weir.clock import from_us, iso
from weir.driver import Poll, Polled
from weir.errors import DeviceUnavailableError, InvalidMessageError, OversizeError, SpoolFullError

log = structlog.get_logger()

#: How long to sleep at most before looking at the clock again, which may have been set.
LOOK_S = 1.0
#: How soon to try again where the spool has no room.
ROOM_S = 1.0
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is polled, and how; replaced as a whole. `phase`: share of the jitter, 0 to 1."""

    driver: AnyDriver
    document: DeviceDocument
    phase: float

    @property
    def schedule(self) -> Schedule:
        """When it is polled."""
        return Schedule(
            to_interval_us(self.document.interval_s),
            round(self.document.jitter_s * self.phase * _SECOND_US),
        )


class Poller:
    """The polls of one device, one after another.

    Attributes:
        lock: held while the driver is used.
        failing_since_us: of the first of the polls that fail; `None`: the last one did not.
    """

    def __init__(self, plan: Plan, outbox: Outbox, spool: Spool, clock: AgentClock) -> None:
        self.lock = asyncio.Lock()
        self.failing_since_us: int | None = None
        self._plan = plan
        self._outbox = outbox
        self._spool = spool
        self._clock = clock
        self._base = clock.base
        self._batch = Batch(plan.document.batch)
        self._filter = ChangeFilter(plan.document.fields)
        self._failure_count = 0
        self._failure = ""

    @property
    def plan(self) -> Plan:
        """What is polled, and how."""
        return self._plan

    async def replace(self, plan: Plan) -> None:
        """Poll another driver, or in another way, from the next poll on; call it with the lock."""
        await self.flush()
        before, self._plan = self._plan.driver, plan
        self._batch = Batch(plan.document.batch)
        self._filter = ChangeFilter(plan.document.fields)
        if before is not plan.driver:
            await before.close()

    async def run(self) -> None:
        """Poll until cancelled."""
        base, plan = self._clock.base, self._plan
        poll = plan.schedule.first(self._clock.now_us())
        while True:
            await self._sleep_until(plan.schedule.due_us(poll), base, plan)
            if self._clock.base is not base:
                # The clock was set: what lies between is no time that has passed.
                base = self._clock.base
                poll = self._plan.schedule.first(self._clock.now_us())
                continue
            if self._plan is not plan:
                plan = self._plan
                first = plan.schedule.first(self._clock.now_us())
                poll = Poll(min(poll.start_us, first.start_us), first.end_us)
                continue
            await self._wait_for_room()
            async with self.lock:
                plan = self._plan
                await self._poll(poll)
            after = plan.schedule.next(self._clock.now_us(), poll, self._failure_count)
            await self._tell_missed(plan.schedule.missed_us(poll, after), poll)
            poll = after

    async def flush(self) -> None:
        """Make messages of the readings that wait."""
        for fields in self._batch.take():
            try:
                await self._until_room(partial(self._outbox.put_readings, fields, self._base.epoch))
            except OversizeError as error:
                log.error("readings_dropped", serial=self._outbox.serial, reason=str(error))  # noqa: TRY400 - no crash
                await self._warn("oversize", error=shortened(error))

    async def _sleep_until(self, due_us: int, base: Timebase, plan: Plan) -> None:
        while self._clock.base is base and self._plan is plan:
            ahead_us = due_us - self._clock.now_us()
            if ahead_us <= 0:
                return
            await asyncio.sleep(min(LOOK_S, ahead_us / _SECOND_US))

    async def _poll(self, poll: Poll) -> None:
        if self._clock.base is not self._base:
            # What waits has instants of the clock as it was.
            await self.flush()
            self._base = self._clock.base
        nudge_us = self._base.step_count
        try:
            polled = await self._read(Poll(poll.start_us + nudge_us, poll.end_us + nudge_us))
        except (DeviceUnavailableError, InvalidMessageError) as error:
            await self._note_failure(error)
        except Exception as error:
            log.exception("poll_failed", serial=self._outbox.serial)
            await self._note_failure(error)
        else:
            await self._note_success()
            await self._take(polled)

    async def _read(self, poll: Poll) -> Polled:
        timeout_s = self._plan.document.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await self._plan.driver.read(poll)
        except TimeoutError as error:
            raise DeviceUnavailableError(f"no answer within {timeout_s:g} s") from error

    async def _take(self, polled: Polled) -> None:
        epoch, now_us = self._base.epoch, self._clock.now_us()
        passed = [self._filter.pass_on(readings) for readings in polled.readings]
        self._batch.add(now_us, [readings for readings in passed if readings is not None])
        interval_us = self._plan.schedule.interval_us
        # What has happened is told at once, with what was measured before it.
        if polled.events or self._batch.is_due(now_us, interval_us):
            await self.flush()
        outbox = self._outbox
        if polled.events:
            await self._until_room(lambda: outbox.put_events(polled.events, epoch))
        if polled.locations:
            await self._until_room(lambda: outbox.put_locations(polled.locations, epoch))
        if polled.logs:
            await self._until_room(lambda: outbox.put_logs(polled.logs, epoch))

    async def _note_failure(self, error: BaseException) -> None:
        self._failure_count += 1
        if self.failing_since_us is not None:
            return
        self.failing_since_us = self._clock.now_us()
        reason = error.reason if isinstance(error, InvalidMessageError) else "device_unavailable"
        log.warning(
            "device_lost",
            serial=self._outbox.serial,
            error_type=type(error).__name__,
            error=shortened(error),
        )
        self._failure = reason
        await self._warn(reason, driver=self._plan.driver.name, error=shortened(error))

    async def _note_success(self) -> None:
        self._failure_count = 0
        since_us, self.failing_since_us = self.failing_since_us, None
        if since_us is None:
            return
        now_us = self._clock.now_us()
        outage_s = seconds(max(0, now_us - since_us))
        log.info("device_found", serial=self._outbox.serial, outage_s=outage_s)
        event = recovered(now_us, self._failure, outage_s=outage_s)
        await self._outbox.put_events([event], self._clock.base.epoch)

    async def _warn(self, reason: str, **data: object) -> None:
        event = warning(self._clock.now_us(), reason, **data)
        await self._outbox.put_events([event], self._clock.base.epoch)

    async def _tell_missed(self, missed_us: int, before: Poll) -> None:
        """Say which time no poll covers; of a device that fails it is known."""
        if not missed_us or self.failing_since_us is not None:
            return
        end_us = before.end_us + missed_us
        await self._warn(
            "readings_missed",
            **{"from": iso(from_us(before.end_us)), "to": iso(from_us(end_us))},
        )

    async def _wait_for_room(self) -> None:
        while self._outbox.waits_for_room and self._spool.is_full:  # noqa: ASYNC110 - rarely
            await asyncio.sleep(ROOM_S)

    async def _until_room(self, put: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await put()
            except SpoolFullError:
                await asyncio.sleep(ROOM_S)
            else:
                return
