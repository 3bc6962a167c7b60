"""One device of an agent: its driver, its link, what it is told, and what it says of itself."""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from producers.agent.check import AnyDriver
from producers.agent.commands import Commands
from producers.agent.configuration import DeviceDocument
from producers.agent.link import DeviceLink, LinkCallbacks, LinkRoute
from producers.agent.outbox import Outbox
from producers.agent.poller import Plan, Poller
from producers.agent.remote import RemoteConfiguration
from producers.agent.services import Services
from weir import __version__
from weir.clock import from_us
from weir.codec.control.state import encode_state
from weir.codec.registry import encode_announcement
from weir.errors import ConfigError
from weir.model.announcement import Announcement
from weir.model.built_in_commands import Reboot, built_in
from weir.model.capabilities import Capabilities, CommandDescription
from weir.model.configuration import StateReport
from weir.model.device_event import DeviceEvent
from weir.model.device_log import Level, LogEntry
from weir.model.limits import REPORT_INTERVAL_MS_MAX
from weir.model.names import device_topic
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import MqttMessage
from weir.runtime.waiting import run_until

#: How long a device that ends waits for what is under way; the spool keeps the rest.
DRAIN_S = 2.0
#: How long a device may be silent beside its schedule before that is news.
_SILENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Role:
    """What makes a device what it is.

    Attributes:
        check: makes the form and the driver of a document, or raises `ConfigError`.
        document: what it is told at the start, as it is written.
        schema: of that document; `None`: it cannot be told from afar.
        store: writes another document down, or raises `ConfigError`.
        reboot: starts more anew than the device; `None`: the device alone.
    """

    address: MqttAddress
    document: Mapping[str, Any]
    check: Callable[[Mapping[str, Any]], tuple[DeviceDocument, AnyDriver]]
    schema: Mapping[str, Any] | None
    store: Callable[[Mapping[str, Any]], Awaitable[None]]
    reboot: Callable[[], None] | None = None


class Device:
    """A device; `run` is called once.

    Raises:
        ConfigError: its document does not fit its driver.
    """

    def __init__(self, role: Role, services: Services) -> None:
        self.serial = role.address.client_id
        self._role = role
        self._services = services
        self._state_topic = device_topic(self.serial, "state")
        route = LinkRoute(role.address, services.tls, self._state(is_online=False), services.pace)
        callbacks = LinkCallbacks(self._greeting, self._received, services.acknowledged)
        self.link = DeviceLink(services.spool, route, callbacks)
        self._outbox = Outbox(
            self.serial, services.spool, services.clock, self.link, services.when_full
        )
        document, driver = role.check(role.document)
        plan = Plan(driver, document, services.rng.random())
        self._poller = Poller(plan, self._outbox, services.spool, services.clock)
        self._commands = Commands(services.spool, self._outbox, services.clock, self._act)
        self._remote = RemoteConfiguration(
            self.serial, services.spool, role.document, self._apply_and_store
        )
        #: The newest of those that were sent; earlier ones do not matter any more.
        self._sent_configuration: bytes | None = None
        self._configuration_sent = asyncio.Event()
        self._rebooting: asyncio.Task[None] | None = None
        self._announced: bytes = b""

    @property
    def is_failing(self) -> bool:
        """Whether its last poll has failed."""
        return self._poller.failing_since_us is not None

    async def run(self, stop: asyncio.Event) -> None:
        """Measure until `stop` is set; then keep what waits, and say goodbye."""
        if self._role.schema is not None:
            await self._remote.restore()
        linking = asyncio.create_task(self.link.run())
        try:
            await self._log("started")
            await run_until(
                stop, self._commands.run(), self._take_configurations(), self._poller.run()
            )
            await self._poller.flush()
            if self.link.is_connected:
                await self._drain()
            await self.link.say(self._state(is_online=False))
        finally:
            linking.cancel()
            await asyncio.gather(linking, return_exceptions=True)
            await self._poller.plan.driver.close()

    async def tell(self, event: DeviceEvent) -> None:
        """Say something that the agent has noticed."""
        await self._outbox.put_events([event], self._services.clock.base.epoch)

    async def change_by_hand(self, document: Mapping[str, Any]) -> None:
        """Take into force what the file says now, and report it.

        Raises:
            ConfigError: it does not fit; what ran goes on.
        """
        await self._use(*self._role.check(document))
        await self._remote.note_change(document)
        await self._report()

    async def _apply_and_store(self, document: Mapping[str, Any]) -> None:
        parts = self._role.check(document)
        await self._role.store(document)
        await self._use(*parts)

    async def _use(self, document: DeviceDocument, driver: AnyDriver) -> None:
        async with self._poller.lock:
            await self._poller.replace(Plan(driver, document, self._poller.plan.phase))

    async def _take_configurations(self) -> None:
        while True:
            await self._configuration_sent.wait()
            self._configuration_sent.clear()
            if self._sent_configuration is not None:
                await self._remote.take(self._sent_configuration)
                await self._report()

    async def _report(self) -> None:
        for message in await self._greeting():
            await self.link.say(message)

    async def _greeting(self) -> list[MqttMessage]:
        """Announce the device where that was not done or is outdated, and give its state."""
        announcement = encode_announcement(self._announcement())
        messages = [self._state(is_online=True)]
        if announcement != self._announced:
            self._announced = announcement
            topic = device_topic(self.serial, "registry")
            messages.insert(0, MqttMessage(topic, announcement))
        return messages

    def _state(self, *, is_online: bool) -> MqttMessage:
        if not is_online:
            # Without a time or a boot id: a will is written before either means anything.
            return MqttMessage(self._state_topic, encode_state(StateReport(is_online=False)))
        clock = self._services.clock
        report = StateReport(
            is_online=True,
            configuration=None if self._role.schema is None else self._remote.reported,
            boot_id=self._outbox.boot_id,
            reported_at=from_us(clock.now_us()) if clock.base.is_known else None,
        )
        return MqttMessage(self._state_topic, encode_state(report))

    def _announcement(self) -> Announcement:
        plan = self._poller.plan
        driver, document = plan.driver, plan.document
        slowest_s = max((rule.heartbeat_s for rule in document.fields.values()), default=0.0)
        silent_s = max(document.interval_s + document.batch.seconds, slowest_s)
        silent_s += document.jitter_s + document.timeout_s + _SILENCE_S
        return Announcement(
            serial=self.serial,
            model=driver.model,
            firmware=__version__,
            fields=driver.fields,
            sample_rate_hz=driver.sample_rate_hz,
            boot_id=self._outbox.boot_id,
            capabilities=Capabilities(
                commands=self._command_descriptions(driver),
                writable=driver.writable,
                configuration_schema=self._role.schema,
                report_interval_ms=min(round(silent_s * 1_000), REPORT_INTERVAL_MS_MAX),
            ),
        )

    def _command_descriptions(self, driver: AnyDriver) -> tuple[CommandDescription, ...]:
        known = {command.name: command for command in driver.commands}
        own = ["ping", "reboot", *(["set"] if driver.writable else [])]
        return (*(built_in(name) for name in own if name not in known), *known.values())

    def _received(self, message: MqttMessage) -> None:
        kind = message.topic.split("/", 2)[-1]
        if kind == "config":
            if self._role.schema is not None:
                self._sent_configuration = message.body
                self._configuration_sent.set()
        elif kind.startswith("commands/"):
            self._commands.take(message.body)

    async def _act(self, command: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if command == "ping":
            return {}
        if command == "reboot":
            delay_s = Reboot.model_validate(parameters).delay_s
            self._rebooting = asyncio.create_task(self._reboot(delay_s))
            return {}
        async with self._poller.lock:
            result = await self._poller.plan.driver.act(command, parameters)
        await self._announce_changes()
        return result

    async def _announce_changes(self) -> None:
        """Announce again where a command has changed what the driver measures."""
        if encode_announcement(self._announcement()) != self._announced:
            await self._report()

    async def _reboot(self, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        if self._role.reboot is not None:
            self._role.reboot()
            return
        document, driver = self._role.check(self._remote.document)
        async with self._poller.lock:
            await self._poller.replace(Plan(driver, document, self._poller.plan.phase))
            self._outbox.begin_boot()
        await self._log("started")
        await self._report()

    async def _log(self, message: str) -> None:
        clock = self._services.clock
        attributes = {
            "driver": self._poller.plan.driver.name,
            "firmware": __version__,
            "python": platform.python_version(),
        }
        entry = LogEntry(clock.now_us(), Level.INFO, message, attributes)
        await self._outbox.put_logs([entry], clock.base.epoch)

    async def _drain(self) -> None:
        """Wait a little for what is on its way."""
        try:
            async with asyncio.timeout(DRAIN_S):
                await self.link.drained()
        except TimeoutError:
            return


def refuse_to_store(_: Mapping[str, Any]) -> Awaitable[None]:
    """Be the `store` of a device that cannot be told from afar."""
    raise ConfigError("this device takes no configuration")
