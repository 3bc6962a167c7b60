"""The agent as a device of its own: how its spool, its links and its devices are."""

import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from producers.agent.spool import Spool
from weir.codec.encode import FieldReadings, Value
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.model.announcement import FieldDescription, Kind

_STATM = Path("/proc/self/statm")
_PAGE_BYTES = 4_096

_FIELDS = (
    FieldDescription("spool.waiting", "By", "Messages that the broker does not have yet"),
    FieldDescription("spool.messages", "1", "How many they are"),
    FieldDescription("spool.dropped", "1", "Lost for want of room", Kind.TOTAL_INCREASING),
    FieldDescription("devices", "1", "Devices that the agent polls"),
    FieldDescription("devices.connected", "1", "Of them, connected to the broker"),
    FieldDescription("devices.failing", "1", "Of them, not answering"),
    FieldDescription("memory", "By", "Resident memory of the agent"),
    FieldDescription("processor", "s", "Processor time of the agent", Kind.TOTAL_INCREASING),
    FieldDescription("clock.known", "1", "Whether the time of day is known"),
    FieldDescription("certificate.days", "d", "Until its certificate for the broker ends"),
)

#: Gives the figures of the devices and the clock, by field.
Figures = Callable[[], Mapping[str, Value]]


class AgentHealth(Driver[DriverConfiguration]):
    """Reads the agent itself."""

    name = "agent"
    model = "weir-edge-agent"
    configuration_class = DriverConfiguration

    def __init__(self, spool: Spool, figures: Figures) -> None:
        super().__init__(DriverConfiguration(), random.Random(0))  # noqa: S311 - nothing random
        self._spool = spool
        self._figures = figures

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """What it says about itself."""
        return _FIELDS

    async def read(self, poll: Poll) -> Polled:
        """Give all figures at once; does not wait."""
        values: dict[str, Value] = {
            "spool.waiting": self._spool.waiting_bytes,
            "spool.messages": self._spool.waiting_count,
            "spool.dropped": self._spool.dropped_count,
            **self._figures(),
            "memory": _resident_bytes(),
            "processor": round(time.process_time(), 3),
        }
        units = {field.name: field.unit for field in _FIELDS}
        return Polled(
            [
                FieldReadings(name, [poll.end_us], [value], units[name])
                for name, value in values.items()
            ]
        )


def _resident_bytes() -> int:
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
