"""A device as it appears on the wire: announces itself, numbers its batches, writes its log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from weir.clock import Clock, to_us
from weir.codec.device_log import encode_logs
from weir.codec.encode import BatchHeader, FieldReadings, encode_measurements
from weir.codec.packing import pack
from weir.codec.registry import encode_announcement
from weir.model.announcement import Announcement
from weir.model.device_log import Level, LogEntry
from weir.runtime.publisher import DevicePublisher


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a device is during one boot."""

    serial: str
    boot_id: int


class Device:
    """One boot of one device, over its own publisher; batches are numbered from 1.

    Args:
        on_acknowledged: called with the number of readings that the broker has taken.
    """

    def __init__(
        self,
        identity: Identity,
        publisher: DevicePublisher,
        clock: Clock,
        on_acknowledged: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._identity = identity
        self._publisher = publisher
        self._clock = clock
        self._acknowledge = on_acknowledged
        self._sequence = 0

    @property
    def batch_count(self) -> int:
        """How many batches were sent in this boot."""
        return self._sequence

    async def announce(self, announcement: Announcement) -> None:
        """Say what the device is and measures; to be done before its first reading."""
        announcement = replace(
            announcement, serial=self._identity.serial, boot_id=self._identity.boot_id
        )
        await self._publisher.publish("registry", encode_announcement(announcement))

    async def log(self, message: str, level: Level = Level.INFO, **attributes: str) -> None:
        """Write a line into the device's log."""
        entry = LogEntry(to_us(self._clock.now()), level, message, attributes)
        body = encode_logs([entry], boot_id=self._identity.boot_id)
        await self._publisher.publish("logs", body)

    async def send(self, fields: Sequence[FieldReadings]) -> int:
        """Publish readings, in several batches where one would be too large; gives how many.

        Raises:
            OversizeError: one reading is too large by itself.
            BrokerUnavailableError: as `DevicePublisher.publish`.
        """
        reading_count = 0
        for body, count in pack(fields, self._encode):
            self._sequence += 1
            await self._publisher.publish("measurements", body, partial(self._acknowledge, count))
            reading_count += count
        return reading_count

    def _encode(self, fields: Sequence[FieldReadings]) -> bytes:
        first_us = fields[0].observed_at_us[0]
        header = BatchHeader(
            boot_id=self._identity.boot_id,
            sequence=self._sequence + 1,
            sent_after_us=to_us(self._clock.now()) - first_us,
        )
        return encode_measurements(header, fields)
