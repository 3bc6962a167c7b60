"""Which log lines of devices are kept: some days, and of each device a flow with a reserve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from weir.model.device_log import LogBatch

#: The reserve, in seconds of the flow: at ten lines a second ten thousand lines, which a device
#: that was offline for hours may send at once.
RESERVE_S = 1_000.0
#: Unless the installation says otherwise.
DAYS = 14
FLOOD_TOLD_AFTER_S = 60.0
LINES_PER_S = 10.0
#: Devices that are remembered, about 150 bytes each; beyond it all have their reserve again.
DEVICES_MAX = 100_000


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """For how many days lines are kept, and how many of one device are taken in a second.

    `flood_told_after_s`: how long lines that are too many are counted before a line tells it.
    """

    days: int = DAYS
    lines_per_s: float = LINES_PER_S
    flood_told_after_s: float = FLOOD_TOLD_AFTER_S


@dataclass(frozen=True, slots=True)
class Reserve:
    """The lines that a device may still send at once, at an instant of the broker's clock."""

    line_count: float
    at_us: int


class LogLimit:
    """Leaves out what is above the flow and the reserve; what was decided is kept by `settle`."""

    def __init__(self, lines_per_s: float = LINES_PER_S) -> None:
        self.lines_per_s = lines_per_s
        self._reserves: dict[str, Reserve] = {}

    @property
    def line_count_max(self) -> float:
        """The lines that a device may send at once after a silence; at least one."""
        return max(1.0, self.lines_per_s * RESERVE_S)

    def cut(self, batches: Sequence[LogBatch]) -> tuple[list[LogBatch], dict[str, Reserve]]:
        """Give the batches without the lines that are too many, and the reserves left by them.

        Pure: a commit that failed is decided anew.
        """
        reserves: dict[str, Reserve] = {}
        cut = []
        for batch in batches:
            reserve = reserves.get(batch.serial) or self._reserves.get(batch.serial)
            line_count = self._refilled(reserve, batch.received_at_us)
            taken_count = min(len(batch.entries), int(line_count))
            reserves[batch.serial] = Reserve(line_count - taken_count, batch.received_at_us)
            dropped_count = len(batch.entries) - taken_count
            if dropped_count:
                entries = batch.entries[:taken_count]
                cut.append(replace(batch, entries=entries, dropped_count=dropped_count))
            else:
                cut.append(batch)
        return cut, reserves

    def settle(self, reserves: dict[str, Reserve]) -> None:
        """Keep what `cut` has left, once the lines are stored."""
        if len(self._reserves) + len(reserves) > DEVICES_MAX:
            self._reserves.clear()
        self._reserves |= reserves

    def _refilled(self, reserve: Reserve | None, now_us: int) -> float:
        if reserve is None:
            return self.line_count_max
        passed_s = max(0, now_us - reserve.at_us) / 1e6
        return min(self.line_count_max, reserve.line_count + passed_s * self.lines_per_s)
