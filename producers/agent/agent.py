"""The edge agent: its spool, its clock, its devices, and the file that says what they are."""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache, partial
from typing import Any

import structlog

from producers.agent.check import (
    AnyDriver,
    address_of,
    check_document,
    find_driver,
    make_driver,
    tls_files,
)
from producers.agent.clock import AgentClock, open_clock
from producers.agent.configuration import (
    DeviceConfiguration,
    DeviceDocument,
    HealthConfiguration,
    document_class,
)
from producers.agent.device import Device, Role, refuse_to_store
from producers.agent.file import AgentFile, read_file, read_password
from producers.agent.health import AgentHealth
from producers.agent.instants import Instants, SystemInstants, seconds
from producers.agent.keeper import FileKeeper
from producers.agent.link import Pace
from producers.agent.message import Gap
from producers.agent.outbox import gap_warning, warning
from producers.agent.services import Services
from producers.agent.spool import Spool, SpoolLimits
from weir.clock import from_us, iso
from weir.codec.encode import Value
from weir.errors import ConfigError, SpoolFullError
from weir.mqtt.certificate_end import end_of_certificate
from weir.mqtt.tls import RenewableContext
from weir.runtime.waiting import run_until

log = structlog.get_logger()

#: How often the computer's clock is looked at.
CLOCK_INTERVAL_S = 1.0
#: How often what was lost is told, and the time put down for the next start.
HOUSEKEEPING_INTERVAL_S = 10.0
DAY = timedelta(days=1)


async def run_agent(
    file: AgentFile,
    environ: Mapping[str, str],
    stop: asyncio.Event,
    acknowledged: Callable[[int], object] = lambda _: None,
) -> None:
    """Run an agent until `stop` is set; begins anew when the file or a command wants it.

    Raises:
        ConfigError: the file cannot be followed; later mistakes in it are only logged.
    """
    while not stop.is_set():
        agent = Agent(file, environ, acknowledged)
        await agent.run(stop)
        file = agent.next_file()


class Agent:
    """One life of the agent, with one list of devices; `run` is called once.

    Args:
        acknowledged: called with the number of readings that the broker has taken.
    """

    def __init__(
        self,
        file: AgentFile,
        environ: Mapping[str, str],
        acknowledged: Callable[[int], object] = lambda _: None,
        instants: Instants | None = None,
    ) -> None:
        self._keeper = FileKeeper(file)
        self._environ = environ
        self._acknowledged = acknowledged
        self._instants = instants or SystemInstants()
        self._ending = asyncio.Event()
        self._devices: dict[str, Device] = {}
        self._next_file: AgentFile | None = None

    def next_file(self) -> AgentFile:
        """Give the file to begin anew with, as it is now.

        Raises:
            ConfigError: it has become wrong.
        """
        return self._next_file or read_file(self._keeper.file.path)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set, or until there is reason to begin anew.

        Raises:
            ConfigError: the file cannot be followed.
        """
        configuration = self._keeper.file.configuration
        spool_configuration = configuration.spool
        limits = SpoolLimits(spool_configuration.bytes_max, spool_configuration.when_full)
        path = self._keeper.file.resolve(spool_configuration.path)
        async with Spool(path, limits) as spool:
            clock, guessed = await open_clock(self._instants, spool)
            is_tls = configuration.broker.url.startswith("mqtts")
            services = Services(
                spool=spool,
                clock=clock,
                pace=Pace(spool_configuration.backlog_bytes_per_s),
                tls=RenewableContext(tls_files(self._keeper.file)) if is_tls else None,
                when_full=spool_configuration.when_full,
                rng=random.Random(),  # noqa: S311 - spreads polls, no secret
                acknowledged=self._acknowledged,
            )
            self._make_devices(services)
            log.info("agent_started", count=len(self._devices), waiting=spool.waiting_count)
            if guessed is not None:
                first, last = (iso(from_us(each)) for each in guessed)
                await self._tell("clock_unknown", clock, **{"from": first, "to": last})
            await self._run_devices(stop, services)

    async def _run_devices(self, stop: asyncio.Event, services: Services) -> None:
        async with asyncio.TaskGroup() as running:
            for device in self._devices.values():
                running.create_task(device.run(self._ending))
            try:
                await run_until(
                    stop,
                    self._wait_for_end(),
                    self._watch_clock(services.clock),
                    self._keep_house(services),
                    self._watch_file(),
                )
            finally:
                self._ending.set()

    async def _wait_for_end(self) -> None:
        await self._ending.wait()

    def _make_devices(self, services: Services) -> None:
        file = self._keeper.file
        health = file.configuration.agent
        if health is not None:
            self._devices[health.serial] = Device(self._health_role(health, services), services)
        for configuration in file.configuration.devices:
            try:
                device = Device(self._role(configuration), services)
            except ConfigError as error:
                raise ConfigError(
                    *(f"{file.path}: {configuration.serial}: {each}" for each in error.problems)
                ) from error
            self._devices[configuration.serial] = device

    def _role(self, configuration: DeviceConfiguration) -> Role:
        file, serial = self._keeper.file, configuration.serial
        driver_class = find_driver(configuration.driver)
        return Role(
            address=address_of(file, serial, read_password(configuration, file, self._environ)),
            document=file.document_of(serial),
            check=partial(_check, driver_class, serial),
            schema=_schema_of(driver_class),
            store=partial(self._keeper.store, serial),
        )

    def _health_role(self, health: HealthConfiguration, services: Services) -> Role:
        file = self._keeper.file
        driver = AgentHealth(services.spool, partial(self._figures, services.clock))
        document = DeviceDocument(interval_s=health.interval_s)
        return Role(
            address=address_of(file, health.serial, read_password(health, file, self._environ)),
            document={},
            check=lambda _: (document, driver),
            schema=None,
            store=refuse_to_store,
            reboot=self._ending.set,
        )

    def _figures(self, clock: AgentClock) -> dict[str, Value]:
        health = self._keeper.file.configuration.agent
        own = health.serial if health else ""
        devices = [device for serial, device in self._devices.items() if serial != own]
        figures: dict[str, Value] = {
            "devices": len(devices),
            "devices.connected": sum(device.link.is_connected for device in devices),
            "devices.failing": sum(device.is_failing for device in devices),
            "clock.known": int(clock.base.is_known),
        }
        certificate = tls_files(self._keeper.file).certificate
        if certificate is not None and clock.base.is_known:
            with suppress(ConfigError):
                left = end_of_certificate(certificate) - from_us(clock.now_us())
                figures["certificate.days"] = round(left / DAY, 1)
        return figures

    async def _watch_clock(self, clock: AgentClock) -> None:
        while True:
            await asyncio.sleep(CLOCK_INTERVAL_S)
            try:
                change = await clock.look()
            except SpoolFullError as error:
                log.warning("clock_note_dropped", reason=str(error))
                continue
            if change is None:
                continue
            for device in self._devices.values():
                device.link.look_again()
            reason = "clock_set" if change.was_known else "clock_found"
            await self._tell(reason, clock, by_s=seconds(change.by_us))

    async def _keep_house(self, services: Services) -> None:
        spool = services.spool
        told_count = 0
        while True:
            await asyncio.sleep(HOUSEKEEPING_INTERVAL_S)
            try:
                await services.clock.put_down()
                await self._tell_gaps(services)
            except SpoolFullError as error:
                log.warning("housekeeping_failed", reason=str(error))
            for aside in spool.set_aside[told_count:]:
                await self._tell("spool_damaged", services.clock, kept_as=aside.name)
            told_count = len(spool.set_aside)

    async def _tell_gaps(self, services: Services) -> None:
        """Say what was lost, once the broker is there to hear it."""
        connected = [device for device in self._devices.values() if device.link.is_connected]
        if not connected:
            return
        for device in self._devices.values():
            gap, device.link.lost = device.link.lost, None
            if gap is not None:
                await self._tell_gap(gap, device, services.clock)
        for gap in await services.spool.take_gaps():
            # Of a device that is no longer in the file, another one speaks.
            await self._tell_gap(gap, self._devices.get(gap.serial, connected[0]), services.clock)

    async def _tell_gap(self, gap: Gap, device: Device, clock: AgentClock) -> None:
        log.error("messages_dropped", serial=gap.serial, kind=gap.kind, count=gap.message_count)
        await device.tell(gap_warning(clock.now_us(), gap))

    async def _tell(self, reason: str, clock: AgentClock, **data: Any) -> None:
        """Say what concerns the agent as a whole: as itself, or else as each of its devices."""
        health = self._keeper.file.configuration.agent
        event = warning(clock.now_us(), reason, **data)
        for device in self._devices.values() if health is None else [self._devices[health.serial]]:
            await device.tell(event)

    async def _watch_file(self) -> None:
        while True:
            changed = await self._keeper.next_change()
            before = self._keeper.file
            if _fixed_part(changed) != _fixed_part(before):
                log.info("configuration_changed", reason="devices or broker: beginning anew")
                self._next_file = changed
                self._ending.set()
                return
            for configuration in changed.configuration.devices:
                serial = configuration.serial
                document = changed.document_of(serial)
                if document == before.document_of(serial):
                    continue
                try:
                    await self._devices[serial].change_by_hand(document)
                except ConfigError as error:
                    log.error("configuration_rejected", serial=serial, reason=str(error))  # noqa: TRY400 - said
            self._keeper.accept(changed)


@cache
def _schema_of(driver_class: type[AnyDriver]) -> Mapping[str, Any]:
    return document_class(driver_class.configuration_class).model_json_schema()


def _check(
    driver_class: type[AnyDriver], serial: str, document: Mapping[str, Any]
) -> tuple[DeviceDocument, AnyDriver]:
    # A driver's noise is the same at each start, and another one for each device.
    rng = random.Random(serial)  # noqa: S311 - no secret
    form = check_document(driver_class, document)
    return form, make_driver(driver_class, form.settings, rng)


def _fixed_part(file: AgentFile) -> Mapping[str, Any]:
    """Give what a running agent cannot change: everything but the documents of its devices."""
    raw = {key: value for key, value in file.raw.items() if key != "devices"}
    devices = [
        {key: value for key, value in device.items() if key not in DeviceDocument.model_fields}
        for device in file.raw.get("devices") or []
    ]
    return {**raw, "devices": devices}
