"""What a run was measured on."""

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("asyncpg", "rstream", "protobuf", "numpy", "uvloop")


@dataclass(frozen=True)
class Machine:
    """Processor, memory and versions; `load`: the one-minute load before the run."""

    processor: str
    core_count: int
    memory_gb: float
    python: str
    packages: dict[str, str]
    load: float

    @property
    def sentence(self) -> str:
        """Say it in a line."""
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.processor}, {self.core_count} cores, {self.memory_gb:.0f} GB, "
            f"load {self.load:.2f}; Python {self.python}, {packages}"
        )


def describe_machine() -> Machine:
    """Read what this computer is from /proc and the installed packages."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        core_count=os.cpu_count() or 1,
        memory_gb=pages / 1024**3,
        python=platform.python_version(),
        packages={name: version(name) for name in _PACKAGES},
        load=os.getloadavg()[0],
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
