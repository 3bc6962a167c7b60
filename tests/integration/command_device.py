"""A device that carries out commands once, however often they arrive."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from weir.codec.control.command import decode_command
from weir.codec.control.reply import encode_reply
from weir.errors import BrokerUnavailableError
from weir.model.command import CommandMessage, Reply, ReplyStatus
from weir.model.names import device_topic
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import MqttConnection, open_connection
from weir.runtime.waiting import until_available
from weir.testing.running import running


def succeed(message: CommandMessage) -> Reply:
    """Carry out whatever it is."""
    return Reply(message.command_id, ReplyStatus.SUCCEEDED, {"did": message.command})


@dataclass
class CommandDevice:
    """Speaks MQTT; what it remembers outlives its connections.

    Attributes:
        executed: ids in the order in which they were carried out; each once.
        arrived: ids in the order of arrival, with every repetition.
        act: what it does with a command; None: it says nothing, as if it were at it.
    """

    address: MqttAddress
    act: Callable[[CommandMessage], Reply | None] = succeed
    executed: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    _replies: dict[str, Reply | None] = field(default_factory=dict)
    _unacknowledged: list[tuple[str, bytes]] = field(default_factory=list)
    _has_more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def serial(self) -> str:
        """Its client id is its serial."""
        return self.address.client_id

    async def subscribe(self) -> None:
        """Come once, so that the broker keeps commands for it from now on, and go."""
        async with open_connection(self.address) as connection:
            await self._subscribe(connection)

    @asynccontextmanager
    async def online(self) -> AsyncIterator[MqttConnection]:
        """Be there for the time of the block: what is sent in it arrives."""
        async with open_connection(self.address) as connection:
            await self._subscribe(connection)
            async with running(self._serve(connection)):
                yield connection

    async def live(self) -> None:
        """Be there for ever, and come back whenever the connection is lost."""
        while True:
            await until_available(self._connect_once)

    async def _connect_once(self) -> None:
        try:
            async with open_connection(self.address) as connection:
                await self._subscribe(connection)
                await self._serve(connection)
        except* BrokerUnavailableError as errors:
            raise errors.exceptions[0] from errors

    async def _subscribe(self, connection: MqttConnection) -> None:
        await connection.subscribe(device_topic(self.serial, "commands/#"))

    async def _serve(self, connection: MqttConnection) -> None:
        async with asyncio.TaskGroup() as tasks:
            # What was not acknowledged is said again, as a spool would.
            self._has_more.set()
            tasks.create_task(self._receive(connection))
            tasks.create_task(self._answer(connection))

    async def _receive(self, connection: MqttConnection) -> None:
        async for received in connection.receive():
            message = decode_command(received.body)
            self.arrived.append(message.command_id)
            if message.command_id not in self._replies:
                self.executed.append(message.command_id)
                self._replies[message.command_id] = self.act(message)
                self._say(message, Reply(message.command_id, ReplyStatus.RECEIVED))
            reply = self._replies[message.command_id]
            if reply is not None:
                self._say(message, reply)

    async def _answer(self, connection: MqttConnection) -> None:
        while True:
            await self._has_more.wait()
            self._has_more.clear()
            while self._unacknowledged:
                await connection.publish(*self._unacknowledged[0])
                del self._unacknowledged[0]

    def _say(self, message: CommandMessage, reply: Reply) -> None:
        topic = device_topic(self.serial, f"replies/{message.command}")
        self._unacknowledged.append((topic, encode_reply(reply)))
        self._has_more.set()
