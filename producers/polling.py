"""Poll one driver at a steady pace and publish what it reads, until told to stop."""

import asyncio
import platform
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog

from producers.device import BOOT_ID_MAX, Device, Identity
from weir import __version__
from weir.clock import Clock, to_us
from weir.driver import Driver, DriverConfiguration, Poll
from weir.errors import BrokerUnavailableError
from weir.model.announcement import Announcement
from weir.mqtt.address import MqttAddress
from weir.runtime.publisher import DevicePublisher
from weir.runtime.waiting import run_until

log = structlog.get_logger()

#: After an outage no more than this is made up for; what is older is a gap in the readings.
CATCH_UP_S_MAX = 60.0
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a device is polled: every `interval_s`, for the first time after `delay_s`."""

    interval_s: float
    delay_s: float = 0.0


class PolledDevice:
    """One device with a connection of its own; `run` is called once.

    Args:
        on_acknowledged: called with the number of readings that the broker has taken.
    """

    def __init__(
        self,
        address: MqttAddress,
        driver: Driver[DriverConfiguration],
        schedule: Schedule,
        clock: Clock,
        on_acknowledged: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._serial = address.client_id
        self._driver = driver
        self._schedule = schedule
        self._clock = clock
        self._publisher = DevicePublisher(address)
        # A boot id that an earlier start has had would hide the gap between the two.
        identity = Identity(self._serial, random.SystemRandom().randint(1, BOOT_ID_MAX))
        self._device = Device(identity, self._publisher, clock, on_acknowledged)

    async def run(self, stop: asyncio.Event) -> None:
        """Measure and publish until `stop` is set; then wait a little for what is under way.

        Raises:
            ConfigError: the broker refuses the device's user or password.
        """
        async with AsyncExitStack() as stack:
            await run_until(stop, self._connect(stack))
            await run_until(stop, self._measure())
            try:
                await stack.aclose()
            except BrokerUnavailableError as error:
                # The traceback would say no more.
                log.error("readings_dropped", serial=self._serial, reason=str(error))  # noqa: TRY400

    async def _connect(self, stack: AsyncExitStack) -> None:
        await asyncio.sleep(self._schedule.delay_s)
        await stack.enter_async_context(self._publisher)

    async def _measure(self) -> None:
        await self._introduce()
        interval_us = round(self._schedule.interval_s * _SECOND_US)
        start_us = to_us(self._clock.now())
        while True:
            poll = Poll(start_us, start_us + interval_us)
            ahead_s = (poll.end_us - to_us(self._clock.now())) / _SECOND_US
            await asyncio.sleep(max(0.0, ahead_s))
            polled = await self._driver.read(poll)
            # Waits while the window is full, so that a broker that is away holds us up here.
            await self._device.send(polled.readings)
            start_us = self._next_start_us(poll.end_us)

    async def _introduce(self) -> None:
        driver = self._driver
        announcement = Announcement(
            serial=self._serial,
            model=driver.model,
            firmware=__version__,
            fields=driver.fields,
            sample_rate_hz=driver.sample_rate_hz,
        )
        await self._device.announce(announcement)
        await self._device.log(
            "started", driver=driver.name, firmware=__version__, python=platform.python_version()
        )

    def _next_start_us(self, end_us: int) -> int:
        oldest_us = to_us(self._clock.now()) - round(CATCH_UP_S_MAX * _SECOND_US)
        if end_us >= oldest_us:
            return end_us
        gap_s = (oldest_us - end_us) / _SECOND_US
        log.warning("readings_missed", serial=self._serial, outage_s=round(gap_s, 3))
        return oldest_us
