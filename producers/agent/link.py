"""One device's connection: what is new is sent at once, what has waited beside it, at its pace.

Messages are in the spool before they come here, and leave it when the broker has acknowledged. What
is under way when the connection breaks is sent again, as the same bytes.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from producers.agent.message import Gap, Message, gap_of
from producers.agent.spool import Spool
from weir.errors import BrokerUnavailableError, ConfigError
from weir.model.names import device_topic
from weir.mqtt.address import MqttAddress
from weir.mqtt.connection import MqttConnection, MqttMessage, open_connection
from weir.mqtt.tls import RenewableContext
from weir.runtime.outage import Outage
from weir.runtime.waiting import run_until

#: New messages that wait in memory for their turn; older ones are read from the spool.
LIVE_COUNT_MAX = 64
#: New messages under way to the broker.
LIVE_WINDOW = 32
#: Messages of the backlog that are read at a time, and under way at a time.
BACKLOG_PAGE = 32
BACKLOG_WINDOW = 8
#: How long it may take to say how things are.
SAY_S = 2.0


class Pace:
    """Lets a number of bytes a second pass, for all links of an agent together."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_at_s = 0.0

    def wait_s(self, now_s: float, size: int) -> float:
        """Tell how long a message of this size must wait, and count it."""
        begins_s = max(now_s, self._free_at_s)
        self._free_at_s = begins_s + size / self._bytes_per_s
        return begins_s - now_s


@dataclass(frozen=True, slots=True)
class LinkRoute:
    """Where a link leads, and how.

    Attributes:
        will: what the broker says for the device when the connection breaks.
        pace: of the backlog, shared by all links.
    """

    address: MqttAddress
    tls: RenewableContext | None
    will: MqttMessage
    pace: Pace


@dataclass(frozen=True, slots=True)
class LinkCallbacks:
    """What a link asks and tells.

    Attributes:
        greeting: what is to be said first on a new connection.
        received: takes a message; must not wait for long.
        acknowledged: called with the readings of each message that the broker has taken.
    """

    greeting: Callable[[], Awaitable[list[MqttMessage]]]
    received: Callable[[MqttMessage], None]
    acknowledged: Callable[[int], object]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    id_: int | None
    message: Message


class DeviceLink:
    """Keeps one device connected while `run` runs.

    Attributes:
        is_connected: whether the broker is there and knows the device.
        lost: what was not in the spool and has found no room in memory, until it is taken.
    """

    def __init__(self, spool: Spool, route: LinkRoute, callbacks: LinkCallbacks) -> None:
        self.is_connected = False
        self.lost: Gap | None = None
        self._spool = spool
        self._route = route
        self._callbacks = callbacks
        self._serial = route.address.client_id
        self._live: deque[_Waiting] = deque()
        self._connection: MqttConnection | None = None
        self._offered = asyncio.Event()
        self._has_backlog = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._settled = asyncio.Event()
        self._live_under_way = 0
        self._outage = Outage()
        self._context: ssl.SSLContext | None = None

    def offer(self, id_: int | None, message: Message) -> None:
        """Send a message as soon as possible; without an id it is in memory only."""
        if message.epoch:
            return
        if id_ is not None:
            self._spool.under_way.add(id_)
        self._live.append(_Waiting(id_, message))
        self._idle.clear()
        while len(self._live) > LIVE_COUNT_MAX:
            self._give_back(self._live.popleft())
        self._offered.set()

    def look_again(self) -> None:
        """Look for messages in the spool that were not offered."""
        self._has_backlog.set()

    async def say(self, message: MqttMessage) -> None:
        """Publish what holds for this connection only, such as a state; without one, nothing."""
        if self._connection is None:
            return
        try:
            async with asyncio.timeout(SAY_S):
                await self._connection.publish(message.topic, message.body)
        except (BrokerUnavailableError, TimeoutError):
            # The next connection begins with the state of then.
            return

    async def drained(self) -> None:
        """Wait until what is new is with the broker."""
        while self._live or self._live_under_way:
            self._settled.clear()
            await self._settled.wait()

    async def run(self) -> None:
        """Connect, again and again, until cancelled."""
        structlog.contextvars.bind_contextvars(serial=self._serial)
        while True:
            try:
                async with open_connection(
                    self._route.address, will=self._route.will, tls=self._tls()
                ) as connection:
                    await self._use(connection)
            except (BrokerUnavailableError, ConfigError) as error:
                await self._outage.wait(error)

    def _tls(self) -> ssl.SSLContext | None:
        if self._route.tls is None:
            return None
        context = self._route.tls.current()
        if context is not self._context:
            self._context = context
            self._outage.tell_again()
        return context

    async def _use(self, connection: MqttConnection) -> None:
        await connection.subscribe(
            device_topic(self._serial, "commands/+"), device_topic(self._serial, "config")
        )
        try:
            await run_until(asyncio.Event(), self._receive(connection), self._talk(connection))
        finally:
            self.is_connected = False
            self._connection = None

    async def _talk(self, connection: MqttConnection) -> None:
        greeting = await self._callbacks.greeting()
        await asyncio.gather(*(connection.publish(each.topic, each.body) for each in greeting))
        # Only now does it work again: a broker may let us in and then refuse what we publish.
        self._outage.over()
        self._connection = connection
        self.is_connected = True
        self._has_backlog.set()
        await run_until(
            asyncio.Event(), self._send_live(connection), self._send_backlog(connection)
        )

    async def _receive(self, connection: MqttConnection) -> None:
        async for message in connection.receive():
            self._callbacks.received(message)

    async def _send_live(self, connection: MqttConnection) -> None:
        sends: set[asyncio.Task[None]] = set()
        try:
            while True:
                while self._live and len(sends) < LIVE_WINDOW:
                    send = asyncio.create_task(self._send(connection, self._live.popleft()))
                    sends.add(send)
                    send.add_done_callback(sends.discard)
                    send.add_done_callback(self._settle)
                    self._live_under_way += 1
                if not self._live:
                    self._idle.set()
                self._offered.clear()
                await self._offered.wait()
        finally:
            await _cancel(sends)

    def _settle(self, _: "asyncio.Task[None]") -> None:
        self._live_under_way -= 1
        self._offered.set()
        self._settled.set()

    async def _send_backlog(self, connection: MqttConnection) -> None:
        free = asyncio.Semaphore(BACKLOG_WINDOW)
        sends: set[asyncio.Task[None]] = set()
        try:
            while True:
                await self._has_backlog.wait()
                self._has_backlog.clear()
                after_id = 0
                while page := await self._page(after_id):
                    after_id = page[-1][0]
                    for id_, message in page:
                        # Asked when its turn has come: it may have been sent meanwhile.
                        if id_ in self._spool.under_way:
                            continue
                        await self._take_turn(free, message)
                        self._spool.under_way.add(id_)
                        send = asyncio.create_task(self._send(connection, _Waiting(id_, message)))
                        sends.add(send)
                        send.add_done_callback(sends.discard)
                        send.add_done_callback(lambda _: free.release())
        finally:
            await _cancel(sends)

    async def _page(self, after_id: int) -> list[tuple[int, Message]]:
        return await self._spool.do(lambda file: file.backlog(self._serial, after_id, BACKLOG_PAGE))

    async def _take_turn(self, free: asyncio.Semaphore, message: Message) -> None:
        await free.acquire()
        now_s = asyncio.get_running_loop().time()
        await asyncio.sleep(self._route.pace.wait_s(now_s, len(message.body)))
        await self._idle.wait()

    async def _send(self, connection: MqttConnection, waiting: _Waiting) -> None:
        message = waiting.message
        try:
            await connection.publish(device_topic(self._serial, message.kind), message.body)
        except BrokerUnavailableError:
            # Receiving ends with the same.
            self._give_back(waiting)
            return
        except asyncio.CancelledError:
            self._give_back(waiting)
            raise
        if waiting.id_ is not None:
            self._spool.remove([waiting.id_])
        if message.kind == "measurements":
            self._callbacks.acknowledged(message.count)

    def _give_back(self, waiting: _Waiting) -> None:
        """Leave a message that was not acknowledged to the spool, or to memory."""
        if waiting.id_ is not None:
            self._spool.under_way.discard(waiting.id_)
            self._has_backlog.set()
        elif len(self._live) < LIVE_COUNT_MAX:
            self._live.appendleft(waiting)
        else:
            gap = gap_of(waiting.message)
            self.lost = gap if self.lost is None else self.lost.merge(gap)


async def _cancel(tasks: set[asyncio.Task[None]]) -> None:
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
