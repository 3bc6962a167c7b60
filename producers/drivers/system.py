"""Measure the computer on which the agent runs: processor, memory, disks, temperatures, network.

Reads what Linux shows in /proc and /sys; decoding and sources are in `_procfs`.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from producers.drivers import _procfs
from producers.drivers._answers import at_present
from producers.drivers._values import checked, field_name
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import ConfigError, DecodeError, DeviceUnavailableError
from weir.model.announcement import FieldDescription, Kind

LIST_LENGTH_MAX = 16
#: A file in /proc that we read has some kilobytes.
FILE_BYTES_MAX = 256 * 1024
_PATH_LENGTH_MAX = 1_024

_Path = Annotated[str, StringConstraints(min_length=1, max_length=_PATH_LENGTH_MAX)]
_Interface = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,15}$")]


class SystemConfiguration(DriverConfiguration):
    """Which parts of the computer are looked at."""

    disks: tuple[_Path, ...] = Field(
        ("/",), max_length=LIST_LENGTH_MAX, description="any path on each file system"
    )
    interfaces: tuple[_Interface, ...] = Field(
        (), max_length=LIST_LENGTH_MAX, description="network interfaces, such as eth0"
    )
    procfs: _Path = Field("/proc", description="where the kernel shows its state")
    sysfs: _Path = Field("/sys", description="where the kernel shows its devices")


class System(Driver[SystemConfiguration]):
    """This computer. The share of the processors is over the time since the poll before."""

    name = "system"
    model = "linux-system-1"
    configuration_class = SystemConfiguration

    def __init__(self, configuration: SystemConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        self._procfs = Path(configuration.procfs)
        self._zones = dict(_zones(Path(configuration.sysfs)))
        self._ticks: _procfs.CpuTicks | None = None
        if not (self._procfs / "stat").exists():
            raise ConfigError(f"driver system needs Linux: there is no {self._procfs}/stat")

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """Whatever this computer has."""
        return (
            FieldDescription("cpu.busy", "%", "Share of all processors' time that was worked"),
            FieldDescription("cpu.load", "", "Processes that wanted a processor, last minute"),
            FieldDescription("memory.total", "By", "Memory"),
            FieldDescription("memory.available", "By", "Memory that programs could still get"),
            FieldDescription("memory.used", "By", "Memory that programs could not get"),
            FieldDescription("swap.used", "By", "Memory that was moved to disks"),
            FieldDescription("uptime", "s", "Time since the start"),
            *(
                FieldDescription(f"{_disk_field(path)}.{part}", unit, f"{what}, {path}")
                for path in self.configuration.disks
                for part, unit, what in (
                    ("used", "By", "Disk space that is taken"),
                    ("free", "By", "Disk space that programs can still have"),
                )
            ),
            *(
                FieldDescription(name, "Cel", f"Temperature of {zone.name}")
                for name, zone in self._zones.items()
            ),
            *(
                FieldDescription(
                    f"network.{interface}.{way}", "By", f"Bytes {way}", Kind.TOTAL_INCREASING
                )
                for interface in self.configuration.interfaces
                for way in ("received", "sent")
            ),
        )

    async def read(self, poll: Poll) -> Polled:
        """Look at everything; does not wait.

        Raises:
            DecodeError: the kernel shows something else than is documented.
            DeviceUnavailableError: a file or a disk is not there.
        """
        values = {name: checked(value, name) for name, value in self._values()}
        return Polled(at_present(poll, values))

    def _values(self) -> Iterator[tuple[str, float]]:
        ticks = _procfs.decode_stat(self._read(self._procfs / "stat"))
        if self._ticks is not None:
            busy_pct = ticks.busy_pct_since(self._ticks)
            if busy_pct is not None:
                yield "cpu.busy", busy_pct
        self._ticks = ticks
        yield "cpu.load", _procfs.decode_loadavg(self._read(self._procfs / "loadavg"))
        yield from _procfs.decode_meminfo(self._read(self._procfs / "meminfo")).items()
        yield "uptime", _procfs.decode_uptime(self._read(self._procfs / "uptime"))
        for path in self.configuration.disks:
            yield from _disk(path)
        for name, zone in self._zones.items():
            yield name, _procfs.decode_temperature(self._read(zone / "temp"), str(zone))
        if self.configuration.interfaces:
            text = self._read(self._procfs / "net" / "dev")
            for interface in self.configuration.interfaces:
                yield from _procfs.decode_net_dev(text, interface).items()

    def _read(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX)
        except OSError as error:
            raise DeviceUnavailableError(f"{path}: {error.strerror or error}") from error
        try:
            return content.decode("ascii")
        except UnicodeDecodeError as error:
            raise DecodeError(f"{path} is not ASCII: {content[:80]!r}") from error


def _zones(sysfs: Path) -> Iterator[tuple[str, Path]]:
    """Give the thermal zones by the names of their fields; those of one type are numbered."""
    taken: set[str] = set()
    for zone in sorted((sysfs / "class" / "thermal").glob("thermal_zone*")):
        try:
            kind = (zone / "type").read_text(encoding="ascii", errors="replace").strip()
            # Zones that are switched off are there, and cannot be read.
            (zone / "temp").read_bytes()
        except OSError:
            continue
        name = f"temperature.{field_name(kind or zone.name)}"
        name = name if name not in taken else f"{name}.{zone.name.removeprefix('thermal_zone')}"
        taken.add(name)
        yield name, zone


def _disk(path: str) -> Iterator[tuple[str, float]]:
    try:
        disk = os.statvfs(path)
    except OSError as error:
        raise DeviceUnavailableError(f"{path}: {error.strerror or error}") from error
    yield f"{_disk_field(path)}.used", (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    # What is kept back for root is neither used nor free to others.
    yield f"{_disk_field(path)}.free", disk.f_bavail * disk.f_frsize


def _disk_field(path: str) -> str:
    return f"disk.{field_name(path.strip('/') or 'root')}"
