"""Commands on a real broker and a real database: who requests, who carries on, who obeys."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from tests.integration.command_device import CommandDevice
from tests.integration.postgres.command_desk import CommandDesk
from tests.integration.rabbitmq.publishing import channel_to
from weir.bootstrap import run_consumer
from weir.clock import SystemClock
from weir.config import Settings
from weir.consumer import Consumer
from weir.model.announcement import Announcement
from weir.mqtt.address import MqttAddress
from weir.postgres.devices import PostgresDeviceStore
from weir.testing.addresses import Broker
from weir.testing.conditions import eventually

#: Chores look every five seconds.
PATIENCE_S = 60.0


class CommandLine:
    """One virtual host, one database, and consumers as asked for."""

    def __init__(self, broker: Broker, database_url: str, pool: asyncpg.Pool) -> None:
        self.broker = broker
        self.pool = pool
        self.desk = CommandDesk(pool, clock=SystemClock())
        self._settings = Settings.from_env(
            {
                "WEIR_AMQP_URL": broker.amqp_url,
                "WEIR_STREAM_URL": broker.stream_url,
                "WEIR_POSTGRES_URL": database_url,
            }
        )

    @asynccontextmanager
    async def running(self, *classes: type[Consumer]) -> AsyncIterator[None]:
        """Run consumers, as `iotctl run` does, for the time of the block."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for consumer_class in classes:
                tasks.create_task(run_consumer(consumer_class, self._settings, stop))
            try:
                yield
            finally:
                stop.set()

    def device(self, serial: str, **attributes: Any) -> CommandDevice:
        """Give a device that may do everything in this virtual host."""
        return CommandDevice(MqttAddress.of_device(self.broker.mqtt_url, serial), **attributes)

    async def announce(self, serial: str, boot_id: int) -> None:
        """Let a device announce a boot."""
        announcement = Announcement(serial, "", "", (), boot_id=boot_id)
        await PostgresDeviceStore(self.pool).announce(announcement, SystemClock().now())

    async def until(self, id_: str, steps: Sequence[str]) -> None:
        """Wait until a command has had exactly these steps."""

        async def is_there() -> bool:
            events = await self.desk.events(id_)
            assert list(steps) == events, f"{id_}: {events}"
            return True

        await eventually(is_there, PATIENCE_S)

    async def until_succeeded(self, id_: str) -> None:
        """Wait for the device's answer; it can be faster than the note of a second sending."""

        async def has_succeeded() -> bool:
            steps = await self.desk.events(id_)
            return bool(steps) and steps[-1] == "succeeded"

        await eventually(has_succeeded, PATIENCE_S)

    async def until_kept(self, queue_name: str, count: int) -> None:
        """Wait until a queue has so many messages."""

        async def is_so() -> bool:
            async with channel_to(self.broker.amqp_url) as channel:
                queue = await channel.declare_queue(queue_name, passive=True)
            return queue.declaration_result.message_count == count

        await eventually(is_so, PATIENCE_S)
