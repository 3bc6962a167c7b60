"""What one device says: encoded, numbered, kept in the spool, and offered to its link."""

import random
from collections.abc import Sequence
from typing import Any

from producers.agent.batching import bounds
from producers.agent.clock import AgentClock
from producers.agent.configuration import WhenFull
from producers.agent.link import DeviceLink
from producers.agent.message import Gap, Message, Priority
from producers.agent.spool import Spool
from producers.agent.spool_file import SpoolFile
from weir.clock import from_us, iso
from weir.codec.control.reply import encode_reply
from weir.codec.device_event import encode_events
from weir.codec.device_log import encode_logs
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.codec.json_text import compact_json
from weir.codec.location import encode_locations
from weir.codec.packing import pack
from weir.errors import SpoolFullError
from weir.model.command import Reply
from weir.model.device_event import DeviceEvent
from weir.model.device_log import LogEntry
from weir.model.limits import (
    BOOT_ID_MAX,
    EVENT_COUNT_MAX,
    LOCATION_COUNT_MAX,
    LOG_ENTRY_COUNT_MAX,
)
from weir.model.location import Location

#: What goes wrong at a device, and that it goes well again.
WARNING, RECOVERED = "WARNING", "RECOVERED"
#: What a driver's or a library's message may take of an event.
_ERROR_LENGTH_MAX = 1_000


def warning(instant_us: int, reason: str, **data: Any) -> DeviceEvent:
    """Make the device event that says what goes wrong; `reason` is one of a few."""
    return _event(instant_us, WARNING, {"reason": reason, **data})


def recovered(instant_us: int, reason: str, **data: Any) -> DeviceEvent:
    """Make the device event that says that it goes well again."""
    return _event(instant_us, RECOVERED, {"reason": reason, **data})


def shortened(error: BaseException) -> str:
    """Give the text of an error as far as an event has room for it."""
    return str(error)[:_ERROR_LENGTH_MAX] or type(error).__name__


def gap_warning(instant_us: int, gap: Gap) -> DeviceEvent:
    """Make the device event that says what was lost, with its exact bounds."""
    bounds_of = (
        {"from": iso(from_us(gap.first_us)), "to": iso(from_us(gap.last_us))}
        if gap.first_us
        else {}
    )
    return warning(
        instant_us,
        "spool_full",
        kind=gap.kind,
        message_count=gap.message_count,
        count=gap.count,
        **bounds_of,
    )


class Outbox:
    """One boot of one device; batches of readings are numbered from 1.

    A message that finds no room in the spool is sent from memory, so that a full disk stops nobody;
    where the spool's policy is to stop reading, readings wait instead.

    Attributes:
        boot_id: of this boot.
    """

    def __init__(
        self, serial: str, spool: Spool, clock: AgentClock, link: DeviceLink, when_full: WhenFull
    ) -> None:
        self.serial = serial
        self.boot_id = 0
        self._spool = spool
        self._clock = clock
        self._link = link
        self._when_full = when_full
        self._sequence = 0
        self._encoded: Sequence[FieldReadings] = ()
        self.begin_boot()

    @property
    def waits_for_room(self) -> bool:
        """Whether readings wait while the spool is full."""
        return self._when_full is WhenFull.STOP_READING

    def begin_boot(self) -> None:
        """Number batches anew; a boot id that was there before would hide the gap between."""
        self.boot_id = random.SystemRandom().randint(1, BOOT_ID_MAX)
        self._sequence = 0

    async def put_readings(self, fields: Sequence[FieldReadings], epoch: int) -> None:
        """Say what was measured, in several messages where one would be too large.

        Raises:
            OversizeError: one reading is too large by itself.
            SpoolFullError: there is no room, and readings are to wait; call it again later.
        """
        messages = []
        for body, count in pack(fields, self._encode):
            first_us, last_us = bounds(self._encoded)
            messages.append(
                Message(self.serial, "measurements", body, first_us, last_us, count, epoch)
            )
            self._sequence += 1
        try:
            await self._keep(messages)
        except SpoolFullError:
            self._sequence -= len(messages)
            raise

    async def put_events(self, events: Sequence[DeviceEvent], epoch: int) -> None:
        """Say what happened."""
        for start in range(0, len(events), EVENT_COUNT_MAX):
            part = events[start : start + EVENT_COUNT_MAX]
            body = encode_events(part, boot_id=self.boot_id)
            times = [event.observed_at_us for event in part]
            await self._keep([self._message("events", body, times, epoch)])

    async def put_locations(self, locations: Sequence[Location], epoch: int) -> None:
        """Say where the device was."""
        for start in range(0, len(locations), LOCATION_COUNT_MAX):
            part = locations[start : start + LOCATION_COUNT_MAX]
            body = encode_locations(part, boot_id=self.boot_id)
            times = [location.observed_at_us for location in part]
            await self._keep([self._message("locations", body, times, epoch)])

    async def put_logs(self, entries: Sequence[LogEntry], epoch: int) -> None:
        """Write into the device's log."""
        for start in range(0, len(entries), LOG_ENTRY_COUNT_MAX):
            part = entries[start : start + LOG_ENTRY_COUNT_MAX]
            body = encode_logs(part, boot_id=self.boot_id)
            times = [entry.logged_at_us for entry in part]
            await self._keep([self._message("logs", body, times, epoch)])

    async def put_reply(self, command: str, reply: Reply) -> None:
        """Answer a command; the answer is remembered in the same transaction."""
        body = encode_reply(reply, boot_id=self.boot_id)
        message = Message(self.serial, f"replies/{command}", body)

        def keep(file: SpoolFile) -> int | None:
            file.remember_reply(self.serial, reply.command_id, body)
            return file.append(message, self._spool.under_way)

        try:
            id_ = await self._spool.do(keep)
        except SpoolFullError:
            id_ = None
        self._link.offer(id_, message)

    async def repeat_reply(self, command: str, body: bytes) -> None:
        """Give an answer once more, as it was."""
        await self._keep([Message(self.serial, f"replies/{command}", body)])

    def _message(self, kind: str, body: bytes, times_us: Sequence[int], epoch: int) -> Message:
        return Message(self.serial, kind, body, min(times_us), max(times_us), len(times_us), epoch)

    async def _keep(self, messages: Sequence[Message]) -> None:
        try:
            ids = await self._spool.append(*messages)
        except SpoolFullError:
            may_wait = all(message.priority is not Priority.NEWS for message in messages)
            if may_wait and self.waits_for_room:
                raise
            ids = [None] * len(messages)
            for message in messages:
                self._link.offer(None, message)
            return
        for id_, message in zip(ids, messages, strict=True):
            if id_ is not None:
                self._link.offer(id_, message)

    def _encode(self, fields: Sequence[FieldReadings]) -> bytes:
        self._encoded = fields
        first_us = fields[0].observed_at_us[0]
        header = BatchHeader(
            boot_id=self.boot_id,
            sequence=self._sequence + 1,
            sent_after_us=self._clock.now_us() - first_us,
        )
        return encode_measurements(header, fields)


def _event(instant_us: int, type_: str, data: dict[str, Any]) -> DeviceEvent:
    return DeviceEvent(instant_us, type_, compact_json(data))
