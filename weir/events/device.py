"""The life of a device, as events; and which of them an announcement brings about."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from weir.events.event import DomainEvent
from weir.model.announcement import Announcement, Kind

ENTITY = "device"


class DeviceEnrolled(DomainEvent):
    """A serial was seen for the first time, and became a device of a site.

    `is_pending`: what it sends is kept aside until it is approved.
    """

    type: ClassVar[str] = "device_enrolled"

    serial: str
    site: str
    is_pending: bool = False


class DeviceApproved(DomainEvent):
    """An operator let a device in that had been waiting."""

    type: ClassVar[str] = "device_approved"


class DescribedField(DomainEvent):
    """One field in a description; not an event by itself."""

    type: ClassVar[str] = "described_field"

    name: str
    unit: str
    description: str
    kind: Kind


class DeviceDescribed(DomainEvent):
    """A device said what it is and what it measures, and it differs from what was known."""

    type: ClassVar[str] = "device_described"

    model: str
    firmware: str
    sample_rate_hz: float
    fields: tuple[DescribedField, ...]


class DeviceStarted(DomainEvent):
    """A device announced a new boot."""

    type: ClassVar[str] = "device_started"

    boot_id: int


class CorrectedField(DomainEvent):
    """Which readings of one field were corrected; not an event by itself."""

    type: ClassVar[str] = "corrected_field"

    name: str
    count: int
    first_observed_at: datetime
    last_observed_at: datetime

    def join(self, other: "CorrectedField") -> "CorrectedField":
        """Give one entry for two corrections of the same field."""
        return CorrectedField(
            name=self.name,
            count=self.count + other.count,
            first_observed_at=min(self.first_observed_at, other.first_observed_at),
            last_observed_at=max(self.last_observed_at, other.last_observed_at),
        )


class ReadingsCorrected(DomainEvent):
    """A device sent corrections, which overwrote what was stored."""

    type: ClassVar[str] = "readings_corrected"

    fields: tuple[CorrectedField, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """What the events of one device add up to; `version` counts them."""

    version: int = 0
    site: str = ""
    boot_id: int = 0
    description: DeviceDescribed | None = None


def describe(announcement: Announcement) -> DeviceDescribed:
    """Take the description out of an announcement."""
    return DeviceDescribed(
        model=announcement.model,
        firmware=announcement.firmware,
        sample_rate_hz=announcement.sample_rate_hz,
        fields=tuple(
            DescribedField(
                name=field.name, unit=field.unit, description=field.description, kind=field.kind
            )
            for field in announcement.fields
        ),
    )


def announce(device: Device, announcement: Announcement, unassigned: str) -> list[DomainEvent]:
    """Decide what an announcement changes; nothing when it says what is known.

    `device` has version 0 when the serial is new; it then lands in the site `unassigned`.
    """
    events: list[DomainEvent] = []
    if device.version == 0:
        events.append(DeviceEnrolled(serial=announcement.serial, site=unassigned))
    description = describe(announcement)
    if description != device.description:
        events.append(description)
    if announcement.boot_id != device.boot_id:
        events.append(DeviceStarted(boot_id=announcement.boot_id))
    return events


def evolve(device: Device, event: DomainEvent) -> Device:
    """Give the device after an event."""
    version = device.version + 1
    match event:
        case DeviceEnrolled(site=site):
            return replace(device, version=version, site=site)
        case DeviceApproved() | ReadingsCorrected():
            return replace(device, version=version)
        case DeviceDescribed():
            return replace(device, version=version, description=event)
        case DeviceStarted(boot_id=boot_id):
            return replace(device, version=version, boot_id=boot_id)
        case _:
            return device
