"""Sends commands to devices until it is known that they have them, or nobody waits any more.

The journal wakes it; the table `command` says what there is to send. Whatever is published before
a crash and not noted is published again, with the same id.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import structlog

from consumers._command_steps import count_steps
from weir import metrics
from weir.clock import iso
from weir.codec.control.command import encode_command
from weir.command_port import SendableCommand
from weir.consumer import Chore, JournalConsumer
from weir.errors import QueueFullError
from weir.events.command import CommandRequested
from weir.events.device import DeviceDeleted, DeviceDisabled, DeviceStarted
from weir.events.event import JournalRecord
from weir.events.presence import DeviceCameOnline
from weir.model.command import WAITING_STATES
from weir.model.names import OVERDUE_MARK_KEY, device_key
from weir.ports import OutgoingMessage

log = structlog.get_logger()

#: Published at once, and noted in one transaction.
PUBLISHED_COUNT = 200
#: Devices whose commands are looked for at once: each may have 100 of 16 KiB.
_DEVICE_COUNT = 10
LOOK_INTERVAL_S = 5.0
COUNT_INTERVAL_S = 15.0
DROP_INTERVAL_S = 3_600.0
#: A mark that is not read by then is one of many: the next ones come every few seconds.
MARK_KEPT_S = 600.0

_COME = frozenset({DeviceStarted.type, DeviceCameOnline.type})
_SHUT_OUT = {
    DeviceDisabled.type: "the device was disabled",
    DeviceDeleted.type: "the device was deleted",
}

T = TypeVar("T")


class Commands(JournalConsumer):
    """Publishes commands on `sensor.<serial>.commands.<command>`, and ends what time has ended."""

    name = "commands"
    types = (CommandRequested.type, *sorted(_COME), *_SHUT_OUT)

    def chores(self) -> Sequence[Chore]:
        """Name what time brings about."""
        return (
            Chore("left", LOOK_INTERVAL_S, self.send_left),
            Chore("due", LOOK_INTERVAL_S, self.end_due),
            Chore("waiting", COUNT_INTERVAL_S, self.count_waiting),
            Chore("dropping", DROP_INTERVAL_S, self.drop_ended),
        )

    async def handle(self, records: Sequence[JournalRecord]) -> None:
        """Send what was requested, and again what those may have missed that have come.

        Raises:
            BrokerUnavailableError: not all were published; try again later.
            StoreUnavailableError: try again later.
        """
        for type_, reason in _SHUT_OUT.items():
            gone = [record.entity_id for record in records if record.type == type_]
            if gone:
                now = self.ports.clock.now()
                count_steps(await self.ports.commands.cancel_waiting(gone, reason, now))
        come = {record.entity_id: record.position for record in records if record.type in _COME}
        for serials in _pieces(list(come), _DEVICE_COUNT):
            unheard = await self.ports.commands.find_unheard(serials, self.ports.clock.now())
            causes = {each.message.command_id: come[each.serial] for each in unheard}
            await self._send(unheard, causes)
        causes = {
            record.entity_id: record.position
            for record in records
            if record.type == CommandRequested.type
        }
        if causes:
            now = self.ports.clock.now()
            await self._send(await self.ports.commands.take_requested(list(causes), now), causes)

    async def send_left(self) -> None:
        """Send what a queue has refused before.

        Raises:
            BrokerUnavailableError: not all were published; try again later.
            StoreUnavailableError: try again later.
        """
        left = await self.ports.commands.find_left(self.ports.clock.now())
        await self._send(left, {})

    async def end_due(self) -> None:
        """End what was never sent, and ask for the end of what was.

        What was sent may have been answered: the mark comes behind every reply that has arrived.

        Raises:
            BrokerUnavailableError: try again later.
            StoreUnavailableError: try again later.
        """
        now = self.ports.clock.now()
        count_steps(await self.ports.commands.expire_unsent(now))
        if await self.ports.commands.has_overdue(now):
            body = iso(now).encode()
            mark = OutgoingMessage(OVERDUE_MARK_KEY, body, expires_in_s=MARK_KEPT_S)
            for error in await self.ports.publisher.publish([mark]):
                if error is not None:
                    raise error

    async def count_waiting(self) -> None:
        """Tell the metrics what is under way, and how old it is.

        Raises:
            StoreUnavailableError: try again later.
        """
        now = self.ports.clock.now()
        counts = dict.fromkeys(WAITING_STATES, (0, now))
        for waiting in await self.ports.commands.count_waiting():
            counts[waiting.state] = (waiting.count, waiting.oldest_requested_at)
        for state, (count, oldest_at) in counts.items():
            metrics.COMMANDS_WAITING.labels(state).set(count)
            age_s = max((now - oldest_at).total_seconds(), 0.0)
            metrics.COMMANDS_WAITING_AGE.labels(state).set(age_s)

    async def drop_ended(self) -> None:
        """Drop what has ended long ago.

        Raises:
            StoreUnavailableError: try again later.
        """
        count = await self.ports.commands.drop_ended(self.ports.clock.now())
        if count:
            log.info("commands_dropped", count=count)

    async def _send(self, commands: Sequence[SendableCommand], causes: Mapping[str, int]) -> None:
        for piece in _pieces(commands, PUBLISHED_COUNT):
            now = self.ports.clock.now()
            outcomes = await self.ports.publisher.publish([_message(each, now) for each in piece])
            sent = [each for each, error in zip(piece, outcomes, strict=True) if error is None]
            if sent:
                now = self.ports.clock.now()
                count_steps(await self.ports.commands.mark_sent(sent, now, causes))
            refused = [error for error in outcomes if isinstance(error, QueueFullError)]
            if refused:
                log.warning("commands_refused", count=len(refused), reason=str(refused[0]))
            for error in outcomes:
                if error is not None and not isinstance(error, QueueFullError):
                    raise error


def _message(command: SendableCommand, now: datetime) -> OutgoingMessage:
    message = command.message
    left_s = (message.expires_at - now).total_seconds()
    return OutgoingMessage(
        device_key(command.serial, f"commands.{message.command}"),
        encode_command(message),
        message_id=message.command_id,
        content_type="application/json",
        # Queues take whole milliseconds, and 0 for "at once or never".
        expires_in_s=max(left_s, 0.001),
        correlation_id=command.correlation_id,
    )


def _pieces(items: Sequence[T], count: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), count):
        yield items[start : start + count]
