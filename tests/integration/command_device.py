"""A device that carries out commands once, however often they arrive."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from weir.codec.control.command import decode_command
from weir.codec.control.reply import encode_reply
from weir.model.command import CommandMessage, Reply, ReplyStatus
from weir.model.names import device_topic
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import MqttConnection, open_connection
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

    @property
    def serial(self) -> str:
        """Its client id is its serial."""
        return self.address.client_id

    async def subscribe(self) -> None:
        """Come once, so that the broker keeps commands for it from now on, and go."""
        async with open_connection(self.address) as connection:
            await connection.subscribe(device_topic(self.serial, "commands/#"))

    @asynccontextmanager
    async def online(self) -> AsyncIterator[MqttConnection]:
        """Be there for the time of the block."""
        async with open_connection(self.address) as connection:
            await connection.subscribe(device_topic(self.serial, "commands/#"))
            async with running(self._work(connection)):
                yield connection

    async def _work(self, connection: MqttConnection) -> None:
        async for received in connection.receive():
            message = decode_command(received.body)
            self.arrived.append(message.command_id)
            if message.command_id not in self._replies:
                self.executed.append(message.command_id)
                self._replies[message.command_id] = self.act(message)
                await self._reply(
                    connection, message, Reply(message.command_id, ReplyStatus.RECEIVED)
                )
            reply = self._replies[message.command_id]
            if reply is not None:
                await self._reply(connection, message, reply)

    async def _reply(
        self, connection: MqttConnection, message: CommandMessage, reply: Reply
    ) -> None:
        topic = device_topic(self.serial, f"replies/{message.command}")
        await connection.publish(topic, encode_reply(reply))
