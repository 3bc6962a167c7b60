"""Something that happened at a device, such as `charging_started`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One device event; `observed_at_us`: microseconds since 1970-01-01 UTC.

    `data` is a JSON object as compact text with sorted keys, so that equal data are equal texts.
    It stays text because a thousand small objects take many times the memory of their text.
    """

    observed_at_us: int
    type: str
    data: str = "{}"


@dataclass(frozen=True, slots=True)
class EventBatch:
    """One publish of one device; `received_at_us`: when the broker took it. At least one event."""

    serial: str
    received_at_us: int
    boot_id: int
    events: tuple[DeviceEvent, ...]
