"""What may be asked of a device in each state, and what it is afterwards."""

import pytest

from weir.errors import ConflictError
from weir.events.device import Device, DeviceEnrolled, evolve
from weir.events.device_commands import (
    Announce,
    Approve,
    Command,
    Delete,
    Disable,
    Enable,
    Move,
    Rename,
    Undelete,
    decide,
)
from weir.model.announcement import Announcement, FieldDescription
from weir.model.device_state import DeviceState

NEW = evolve(Device(), DeviceEnrolled(serial="pump-1", site="unassigned", device_id=7))
PENDING = evolve(
    Device(), DeviceEnrolled(serial="pump-1", site="unassigned", device_id=7, is_pending=True)
)


def after(device: Device, *commands: Command) -> Device:
    for command in commands:
        for event in decide(device, command):
            device = evolve(device, event)
    return device


DISABLED = after(NEW, Disable())
DELETED = after(NEW, Delete())
#: The state after a command, or why not.
DECISIONS: list[tuple[Device, Command, str]] = [
    (PENDING, Approve(), "active"),
    (PENDING, Disable(), "disabled"),
    (PENDING, Enable(), "approve it"),
    (NEW, Approve(), "active"),
    (NEW, Disable(), "disabled"),
    (NEW, Enable(), "active"),
    (DISABLED, Approve(), "enable it"),
    (DISABLED, Disable(), "disabled"),
    (DISABLED, Enable(), "active"),
    (DELETED, Approve(), "undelete it"),
    (DELETED, Disable(), "undelete it"),
    (DELETED, Rename("x"), "undelete it"),
    (DELETED, Delete(), "deleted"),
    (DELETED, Undelete(), "active"),
    (after(DISABLED, Delete()), Undelete(), "disabled"),
    (after(PENDING, Delete()), Undelete(), "pending"),
    (NEW, Undelete(), "active"),
]


@pytest.mark.parametrize(("device", "command", "outcome"), DECISIONS)
def test_what_a_state_allows(device: Device, command: Command, outcome: str) -> None:
    if outcome.endswith("it"):
        with pytest.raises(ConflictError, match=outcome):
            decide(device, command)
        return

    changed = after(device, command)
    assert outcome == (DeviceState.DELETED if changed.is_deleted else changed.state)


@pytest.mark.parametrize(
    "command",
    [Approve(), Disable(), Delete(), Rename("the pump"), Move("default", "harbour")],
)
def test_asking_twice_changes_once(command: Command) -> None:
    device = after(PENDING, command)

    assert device == after(device, command)
    assert PENDING.version + 1 == device.version


def test_an_announcement_that_says_what_is_known_changes_nothing() -> None:
    field = FieldDescription("pressure", "bar")
    announcement = Announce(Announcement("pump-1", "P-100", "1.0", (field,), boot_id=7))
    device = after(NEW, announcement)

    assert [] == decide(device, announcement)
    assert ("P-100", 7, 3) == (
        device.description.model if device.description else "",
        device.boot_id,
        device.version,
    )
