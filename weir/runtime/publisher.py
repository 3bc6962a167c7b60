"""Publish as one device over MQTT, through losses of the connection, with a bounded memory.

What the broker has not acknowledged is kept, and sent again in order after a reconnect. So a
message may arrive twice; it never gets lost while this process lives. When as much as the window
holds is under way, `publish` waits: a slow or absent broker slows the device down.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from weir.errors import BrokerUnavailableError, ConfigError, OversizeError
from weir.model.limits import MESSAGE_BYTES_MAX
from weir.model.names import device_topic
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import MqttConnection, open_connection
from weir.runtime.outage import Outage
from weir.runtime.waiting import run_until

#: Messages under way to the broker: enough to hide the way there, few enough to send again.
WINDOW_COUNT_MAX = 100
#: The memory that they may take together; one message may always be under way.
WINDOW_BYTES_MAX = 4 * 1024 * 1024
#: How long a block that ends waits for the next acknowledgement.
CLOSE_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class _Message:
    topic: str
    body: bytes
    on_acknowledged: Callable[[], object] | None


class DevicePublisher:
    """An asynchronous context manager: connects when entered, drains when left.

    Args:
        address: the broker, and who we are there.
        patience_s: how long entering, `publish` and `flush` wait without any progress before they
            raise; `None`: for ever.
    """

    def __init__(self, address: MqttAddress, *, patience_s: float | None = None) -> None:
        self._address = address
        self._patience_s = patience_s
        #: In the order of publishing; a dict, because acknowledgements may come in any.
        self._unacknowledged: dict[_Message, None] = {}
        self._unacknowledged_bytes = 0
        self._unsent: deque[_Message] = deque()
        self._offered = asyncio.Event()
        self._progressed = asyncio.Event()
        self._outage = Outage()
        self._was_connected = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def unacknowledged_count(self) -> int:
        """How many messages the broker has not acknowledged yet."""
        return len(self._unacknowledged)

    async def __aenter__(self) -> Self:
        """Connect; without patience this waits until the broker is there.

        Raises:
            ConfigError: the broker refuses the user or the password.
            BrokerUnavailableError: no connection within the patience.
        """
        self._keeper = asyncio.create_task(self._keep_connected())
        self._keeper.add_done_callback(lambda _: self._progressed.set())
        try:
            await self._until(lambda: self._was_connected, self._patience_s)
        except BaseException:
            await self._disconnect()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Wait for the outstanding acknowledgements and disconnect; after an error only disconnect.

        Raises:
            BrokerUnavailableError: messages are left that were not acknowledged.
        """
        try:
            if exc is None:
                await self._until(lambda: not self._unacknowledged, CLOSE_PATIENCE_S)
        finally:
            await self._disconnect()

    async def publish(
        self, kind: str, body: bytes, on_acknowledged: Callable[[], object] | None = None
    ) -> None:
        """Accept a message of this device, and return as soon as the window has room for it.

        `kind`: `measurements`, `logs` and so on. `on_acknowledged` is called when the broker has
        taken responsibility.

        Raises:
            OversizeError: the message is larger than any consumer accepts.
            BrokerUnavailableError: no progress within the patience.
        """
        await self.publish_as(self._address.client_id, kind, body, on_acknowledged)

    async def publish_as(
        self,
        serial: str,
        kind: str,
        body: bytes,
        on_acknowledged: Callable[[], object] | None = None,
    ) -> None:
        """Accept a message of any device that our user may publish for, otherwise as `publish`.

        Raises:
            OversizeError: the message is larger than any consumer accepts.
            BrokerUnavailableError: no progress within the patience.
        """
        if len(body) > MESSAGE_BYTES_MAX:
            raise OversizeError(f"{len(body)} bytes, at most {MESSAGE_BYTES_MAX} are allowed")
        await self._until(lambda: self._has_room(len(body)), self._patience_s)
        message = _Message(device_topic(serial, kind), body, on_acknowledged)
        self._unacknowledged[message] = None
        self._unacknowledged_bytes += len(body)
        self._unsent.append(message)
        self._offered.set()

    async def flush(self) -> None:
        """Wait until everything is acknowledged.

        Raises:
            BrokerUnavailableError: no progress within the patience.
        """
        await self._until(lambda: not self._unacknowledged, self._patience_s)

    def _has_room(self, body_bytes: int) -> bool:
        if not self._unacknowledged:
            return True
        return (
            len(self._unacknowledged) < WINDOW_COUNT_MAX
            and self._unacknowledged_bytes + body_bytes <= WINDOW_BYTES_MAX
        )

    async def _until(self, condition: Callable[[], bool], patience_s: float | None) -> None:
        """Wait for what only progress makes true: the first connection, an acknowledgement."""
        while not condition():
            assert self._keeper is not None, "used outside of its block"  # noqa: S101 - our callers
            if self._keeper.done():
                self._keeper.result()
            self._progressed.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._progressed.wait()
            except TimeoutError as error:
                raise self._explain_standstill(patience_s) from error

    def _explain_standstill(self, patience_s: float | None) -> BrokerUnavailableError:
        broker = self._address.hosts
        if not self._was_connected:
            return BrokerUnavailableError(f"no MQTT connection to {broker} within {patience_s} s")
        return BrokerUnavailableError(
            f"{broker} acknowledged nothing for {patience_s} s, {self.unacknowledged_count} "
            f"messages are left: is it well, and may MQTT user {self._address.username!r} "
            f"publish as {self._address.client_id!r}?"
        )

    async def _keep_connected(self) -> None:
        structlog.contextvars.bind_contextvars(serial=self._address.client_id)
        while True:
            try:
                async with open_connection(self._address) as connection:
                    await run_until(asyncio.Event(), connection.watch(), self._send_all(connection))
            except BrokerUnavailableError as error:
                await self._outage.wait(error)
            except ConfigError as error:
                # Somebody who has readings to send outlives a mistake with the credentials.
                if not self._was_connected:
                    raise
                await self._outage.wait(error)

    async def _send_all(self, connection: MqttConnection) -> None:
        """Send what is not acknowledged, then what is offered, until cancelled."""
        self._was_connected = True
        self._progressed.set()
        if not self._unacknowledged:
            self._outage.over()
        self._unsent = deque(self._unacknowledged)
        sends: set[asyncio.Task[None]] = set()
        try:
            while True:
                while self._unsent:
                    send = asyncio.create_task(self._send(connection, self._unsent.popleft()))
                    sends.add(send)
                    send.add_done_callback(sends.discard)
                self._offered.clear()
                await self._offered.wait()
        finally:
            await _cancel(*sends)

    async def _send(self, connection: MqttConnection, message: _Message) -> None:
        try:
            await connection.publish(message.topic, message.body)
        except BrokerUnavailableError:
            # `watch` raises the same; the message is sent again by the next connection.
            return
        del self._unacknowledged[message]
        self._unacknowledged_bytes -= len(message.body)
        # Only now does it work again: a broker may accept us and then refuse what we publish.
        self._outage.over()
        self._progressed.set()
        if message.on_acknowledged is not None:
            message.on_acknowledged()

    async def _disconnect(self) -> None:
        if self._keeper is not None:
            await _cancel(self._keeper)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
