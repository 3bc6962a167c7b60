"""What a device says about itself when it starts."""

from dataclasses import dataclass, field
from enum import StrEnum

from weir.model.capabilities import Capabilities


class Kind(StrEnum):
    """What the numbers of a field mean over time."""

    GAUGE = "gauge"
    TOTAL = "total"
    TOTAL_INCREASING = "total_increasing"


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One field that a device measures; `unit` is UCUM where it has one."""

    name: str
    unit: str = ""
    description: str = ""
    kind: Kind = Kind.GAUGE


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a device announced; `sample_rate_hz` 0: irregular, `boot_id` 0: it has none."""

    serial: str
    model: str
    firmware: str
    fields: tuple[FieldDescription, ...]
    sample_rate_hz: float = 0.0
    boot_id: int = 0
    capabilities: Capabilities = field(default_factory=Capabilities)
