"""What may be asked of a device, and which events that brings about. Pure."""

from dataclasses import dataclass
from typing import assert_never

from weir.errors import ConflictError
from weir.events.device import (
    DescribedCapabilities,
    DescribedCommand,
    DescribedField,
    Device,
    DeviceApproved,
    DeviceDeleted,
    DeviceDescribed,
    DeviceDisabled,
    DeviceEnabled,
    DeviceMoved,
    DeviceRenamed,
    DeviceStarted,
    DeviceUndeleted,
)
from weir.events.event import DomainEvent
from weir.model.announcement import Announcement
from weir.model.capabilities import Capabilities
from weir.model.device_state import DeviceState


@dataclass(frozen=True, slots=True)
class Announce:
    """Take note of what a device says about itself."""

    announcement: Announcement


@dataclass(frozen=True, slots=True)
class Approve:
    """Let a device in that waits."""


@dataclass(frozen=True, slots=True)
class Disable:
    """Shut a device out; one that waits is rejected by it."""


@dataclass(frozen=True, slots=True)
class Enable:
    """Let a device in again that was shut out."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a device from the lists."""


@dataclass(frozen=True, slots=True)
class Undelete:
    """Bring a deleted device back."""


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a device a name; empty takes it away."""

    name: str


@dataclass(frozen=True, slots=True)
class Move:
    """Assign a device to a site."""

    organisation: str
    site: str


Command = Announce | Approve | Disable | Enable | Delete | Undelete | Rename | Move


def decide(device: Device, command: Command) -> list[DomainEvent]:
    """Choose the events that a command brings about; none when all is as it asks already.

    Raises:
        ConflictError: the device is in a state that does not allow it; the message says what does.
    """
    if device.is_deleted and not isinstance(command, Delete | Undelete):
        raise ConflictError("the device is deleted: undelete it first")
    match command:
        case Announce(announcement):
            return _announce(device, announcement)
        case Approve() | Disable() | Enable():
            return _admit(device, command)
        case Delete():
            return [] if device.is_deleted else [DeviceDeleted()]
        case Undelete():
            return [DeviceUndeleted()] if device.is_deleted else []
        case Rename(name):
            return [] if name == device.name else [DeviceRenamed(name=name)]
        case Move(organisation, site):
            is_there = (organisation, site) == (device.organisation, device.site)
            return [] if is_there else [DeviceMoved(organisation=organisation, site=site)]
        case _:
            assert_never(command)


def _admit(device: Device, command: Approve | Disable | Enable) -> list[DomainEvent]:
    match device.state, command:
        case DeviceState.PENDING, Approve():
            return [DeviceApproved()]
        case DeviceState.PENDING, Enable():
            raise ConflictError("the device waits for approval: approve it")
        case DeviceState.DISABLED, Approve():
            raise ConflictError("the device is disabled: enable it")
        case DeviceState.DISABLED, Enable():
            return [DeviceEnabled()]
        case ((DeviceState.PENDING | DeviceState.ACTIVE), Disable()):
            return [DeviceDisabled()]
        case _:
            return []


def _announce(device: Device, announcement: Announcement) -> list[DomainEvent]:
    events: list[DomainEvent] = []
    description = describe(announcement)
    if description != device.description:
        events.append(description)
    if announcement.boot_id != device.boot_id:
        events.append(DeviceStarted(boot_id=announcement.boot_id))
    return events


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
        capabilities=_capabilities(announcement.capabilities),
    )


def _capabilities(declared: Capabilities) -> DescribedCapabilities:
    schema = declared.configuration_schema
    return DescribedCapabilities(
        commands=tuple(
            DescribedCommand(
                name=command.name,
                description=command.description,
                parameters_schema=dict(command.parameters_schema),
            )
            for command in declared.commands
        ),
        writable=declared.writable,
        configuration_schema=None if schema is None else dict(schema),
        report_interval_ms=declared.report_interval_ms,
    )
