"""Takes note of what devices say of their state, and of those that say nothing any more."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from weir import metrics
from weir.codec.control.state import decode_state
from weir.consumer import Chore, Delivery, Ports, QueueConsumer
from weir.errors import UnknownEventError
from weir.model.names import STATE_QUEUE, split_key
from weir.model.presence import Watch

log = structlog.get_logger()

#: JSON either way; the longer topic is for those that name their format always.
_KINDS = frozenset({"state", "state.json"})
#: How often devices are looked for that have come or gone without a word.
SEARCH_INTERVAL_S = 3.0
#: How often reports are looked at that came too soon after others.
WAITING_INTERVAL_S = 30.0
#: A longer time between two looks means that we were away, or the database or the broker was.
INTERRUPTION = timedelta(seconds=15)


class States(QueueConsumer):
    """Keeps who is there.

    Nobody is taken for gone because we did not listen. Silence counts from when this process has
    been connected to the broker and looking without interruption, and only up to an instant of
    which the measurement writer has stored everything that had arrived by then.
    """

    name = "states"
    queues = (STATE_QUEUE,)

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self._listening_since: datetime | None = None
        self._looked_at: datetime | None = None
        self._mark: tuple[datetime, Mapping[str, int]] | None = None

    def chores(self) -> Sequence[Chore]:
        """Look for devices that have come or gone without a word, and at what was put off."""
        return (
            Chore("presence", SEARCH_INTERVAL_S, self.search),
            Chore("waiting", WAITING_INTERVAL_S, self._note_waiting),
        )

    def note_connected(self) -> None:
        """Begin to listen anew: what was sent while the broker was away is lost on us."""
        self._listen_anew(self.ports.clock.now())

    async def handle(self, delivery: Delivery) -> None:
        """Take note of one state.

        Raises:
            InvalidMessageError: not a state, or not this device's.
            StoreUnavailableError: try again later.
        """
        serial, kind = split_key(delivery.routing_key)
        if kind not in _KINDS:
            raise UnknownEventError(f"no state has the key {delivery.routing_key!r}")
        report = decode_state(delivery.body, serial)
        await self.ports.presence.note_state(serial, report, delivery.received_at)
        if report.configuration is not None:
            await self.ports.configurations.note_report(
                serial, report.configuration, delivery.received_at
            )

    async def search(self) -> None:
        """Note who has come, and who is gone; safe to repeat.

        Raises:
            StoreUnavailableError: try again later.
            BrokerUnavailableError: try again later.
        """
        now = self.ports.clock.now()
        if self._looked_at is None or now - self._looked_at > INTERRUPTION:
            self._listen_anew(now)
        come_count = await self.ports.presence.find_come(now)
        left_count = await self._find_left(now)
        self._looked_at = now
        if come_count or left_count:
            log.info("presence_changed", online_count=come_count, offline_count=left_count)
        for presence, count in (await self.ports.presence.count()).items():
            metrics.DEVICES.labels(presence).set(count)

    async def _note_waiting(self) -> None:
        await self.ports.configurations.note_waiting(self.ports.clock.now())

    async def _find_left(self, now: datetime) -> int:
        if self._mark is None:
            # Asking the broker is worth it only when there is somebody to be missed.
            if await self.ports.presence.may_have_left(now):
                self._mark = (now, await self.ports.stream_ends())
            return 0
        until, ends = self._mark
        stored = await self.ports.presence.stored_offsets()
        if any(stored.get(stream, 0) < end for stream, end in ends.items()):
            return 0
        self._mark = None
        since = self._listening_since or now
        return await self.ports.presence.find_left(Watch(since, until)) if since <= until else 0

    def _listen_anew(self, now: datetime) -> None:
        self._listening_since = now
        self._mark = None
