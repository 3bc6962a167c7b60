"""What becomes of what a device sends."""

from enum import StrEnum


class DeviceState(StrEnum):
    """Whether what a device sends is stored; where it is not, it is kept as dead letters."""

    #: Until somebody approves the device.
    PENDING = "pending"
    ACTIVE = "active"
    #: Until somebody enables it.
    DISABLED = "disabled"
    #: Until somebody undeletes it; what it has measured stays.
    DELETED = "deleted"
