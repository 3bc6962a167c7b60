"""The life of a device, as events, and what they add up to; `device_commands` brings them about."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from pydantic import Field

from weir.events.event import DomainEvent, EventPart
from weir.model.announcement import Kind
from weir.model.device_state import DeviceState
from weir.model.site import DEFAULT_ORGANISATION

#: An entity of this kind has a serial as its id.
ENTITY = "device"


class DeviceEnrolled(DomainEvent):
    """A serial was seen for the first time, and became a device of a site.

    `is_pending`: what it sends is kept aside until it is approved. `device_id`: None where it was
    enrolled before events had it; a later `device_adopted` says it.
    """

    type: ClassVar[str] = "device_enrolled"

    serial: str
    site: str
    is_pending: bool = False
    organisation: str = DEFAULT_ORGANISATION
    device_id: int | None = None


class DeviceAdopted(DomainEvent):
    """All that was known of a device when the journal was not complete yet."""

    type: ClassVar[str] = "device_adopted"

    device_id: int
    organisation: str
    site: str
    state: DeviceState
    model: str
    firmware: str
    sample_rate_hz: float
    boot_id: int
    created_at: datetime


class DeviceApproved(DomainEvent):
    """An operator let a device in that had been waiting."""

    type: ClassVar[str] = "device_approved"


class DescribedField(EventPart):
    """One field in a description."""

    name: str
    unit: str
    description: str
    kind: Kind


class DescribedCommand(EventPart):
    """One command in a description."""

    name: str
    description: str = ""
    parameters_schema: dict[str, Any] = Field(default_factory=dict)


class DescribedCapabilities(EventPart):
    """What a device can do beside measuring; see `weir.model.capabilities`."""

    commands: tuple[DescribedCommand, ...] = ()
    writable: tuple[str, ...] = ()
    configuration_schema: dict[str, Any] | None = None
    report_interval_ms: int = 0


class DeviceDescribed(DomainEvent):
    """A device said what it is, what it measures and can do, and it differs from what was known."""

    type: ClassVar[str] = "device_described"

    model: str
    firmware: str
    sample_rate_hz: float
    fields: tuple[DescribedField, ...]
    capabilities: DescribedCapabilities = DescribedCapabilities()


class DeviceStarted(DomainEvent):
    """A device announced a new boot."""

    type: ClassVar[str] = "device_started"

    boot_id: int


class DeviceRenamed(DomainEvent):
    """An operator gave a device a name that people know it by; empty: none."""

    type: ClassVar[str] = "device_renamed"

    name: str


class DeviceMoved(DomainEvent):
    """An operator assigned a device to a site."""

    type: ClassVar[str] = "device_moved"

    organisation: str
    site: str


class DeviceDisabled(DomainEvent):
    """An operator shut a device out: what it sends is kept aside."""

    type: ClassVar[str] = "device_disabled"


class DeviceEnabled(DomainEvent):
    """An operator let a device in again."""

    type: ClassVar[str] = "device_enabled"


class DeviceDeleted(DomainEvent):
    """An operator removed a device from the lists; what it has measured stays."""

    type: ClassVar[str] = "device_deleted"


class DeviceUndeleted(DomainEvent):
    """An operator brought a device back, in the state that it had."""

    type: ClassVar[str] = "device_undeleted"


class CorrectedField(EventPart):
    """Which readings of one field were corrected."""

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


class DeletedField(EventPart):
    """A window of one field without readings from now on: from `since` until before `until`."""

    name: str
    count: int
    since: datetime
    until: datetime


class ReadingsDeleted(DomainEvent):
    """Stored readings were deleted."""

    type: ClassVar[str] = "readings_deleted"

    fields: tuple[DeletedField, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """What the events of one device add up to; `version` counts them, 0: there is none yet.

    `state` is never `deleted`: that is what `is_deleted` hides for a while.
    """

    version: int = 0
    device_id: int | None = None
    organisation: str = DEFAULT_ORGANISATION
    site: str = ""
    state: DeviceState = DeviceState.ACTIVE
    is_deleted: bool = False
    name: str = ""
    boot_id: int = 0
    description: DeviceDescribed | None = None


def evolve(device: Device, event: DomainEvent) -> Device:
    """Give the device after an event."""
    return replace(_changed(device, event), version=device.version + 1)


def _changed(device: Device, event: DomainEvent) -> Device:  # noqa: C901, PLR0911 - a case each
    match event:
        case DeviceEnrolled():
            return _enrolled(device, event)
        case DeviceAdopted():
            return _adopted(device, event)
        case DeviceDescribed():
            return replace(device, description=event)
        case DeviceStarted(boot_id=boot_id):
            return replace(device, boot_id=boot_id)
        case DeviceRenamed(name=name):
            return replace(device, name=name)
        case DeviceMoved(organisation=organisation, site=site):
            return replace(device, organisation=organisation, site=site)
        case DeviceApproved() | DeviceEnabled():
            return replace(device, state=DeviceState.ACTIVE)
        case DeviceDisabled():
            return replace(device, state=DeviceState.DISABLED)
        case DeviceDeleted():
            return replace(device, is_deleted=True)
        case DeviceUndeleted():
            return replace(device, is_deleted=False)
        case _:
            return device


def _enrolled(device: Device, event: DeviceEnrolled) -> Device:
    return replace(
        device,
        device_id=event.device_id,
        organisation=event.organisation,
        site=event.site,
        state=DeviceState.PENDING if event.is_pending else DeviceState.ACTIVE,
    )


def _adopted(device: Device, event: DeviceAdopted) -> Device:
    known = device.description
    return replace(
        device,
        device_id=event.device_id,
        organisation=event.organisation,
        site=event.site,
        state=event.state,
        boot_id=event.boot_id,
        description=DeviceDescribed(
            model=event.model,
            firmware=event.firmware,
            sample_rate_hz=event.sample_rate_hz,
            fields=known.fields if known else (),
            capabilities=known.capabilities if known else DescribedCapabilities(),
        ),
    )
