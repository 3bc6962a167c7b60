"""What Linux tells about a computer, decoded from its texts. Pure.

Sources: proc(5), sections /proc/stat, /proc/meminfo, /proc/loadavg, /proc/uptime, /proc/net/dev;
the kernel's Documentation/ABI/testing/sysfs-class-thermal.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from producers.drivers._values import checked
from weir.errors import DecodeError

#: /proc/meminfo says kB and means 1024 bytes.
_KIB = 1024
#: Columns of a cpu line in /proc/stat that were not spent working: idle, iowait.
_IDLE_COLUMNS = (3, 4)
#: user to steal; what guests have had is already within user and nice.
_COLUMN_COUNT = 8
_COLUMN_COUNT_MIN = 5
#: What the kernel counts in 64 bits.
_INTEGER = re.compile(r"-?[0-9]{1,20}")
_MILLIDEGREES = 1_000
#: No part of a running computer is outside of this; broken sensors are.
_TEMPERATURE_C_MIN, _TEMPERATURE_C_MAX = -60.0, 200.0
#: Columns after the name in /proc/net/dev: bytes received first, bytes sent ninth.
_NET_COLUMN_COUNT = 16
_SENT_COLUMN = 8


@dataclass(frozen=True, slots=True)
class CpuTicks:
    """Time since the start, in ticks of the kernel."""

    busy: int
    total: int

    def busy_pct_since(self, earlier: "CpuTicks") -> float | None:
        """Give the share of working time since an earlier look; None when no time has passed."""
        total = self.total - earlier.total
        if total <= 0:
            return None
        return round(100.0 * (self.busy - earlier.busy) / total, 2)


def decode_stat(text: str) -> CpuTicks:
    """Read the time of all processors from /proc/stat.

    Raises:
        DecodeError: there is no such line.
    """
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["cpu"]:
            columns = words[1 : _COLUMN_COUNT + 1]
            ticks = [_integer(column, "/proc/stat") for column in columns]
            if len(ticks) < _COLUMN_COUNT_MIN:
                break
            idle = sum(ticks[column] for column in _IDLE_COLUMNS)
            return CpuTicks(sum(ticks) - idle, sum(ticks))
    raise DecodeError(f"/proc/stat has no line of all processors: {text[:80]!r}")


def decode_meminfo(text: str) -> dict[str, int]:
    """Read memory and swap from /proc/meminfo, in bytes.

    Raises:
        DecodeError: a line that every kernel since 3.14 has is missing.
    """
    sizes: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and name in {"MemTotal", "MemAvailable", "SwapTotal", "SwapFree"}:
            sizes[name] = _integer(words[0], "/proc/meminfo") * _KIB
    missing = {"MemTotal", "MemAvailable"} - sizes.keys()
    if missing:
        raise DecodeError(f"/proc/meminfo has no {', '.join(sorted(missing))}: {text[:80]!r}")
    values = {
        "memory.total": sizes["MemTotal"],
        "memory.available": sizes["MemAvailable"],
        "memory.used": sizes["MemTotal"] - sizes["MemAvailable"],
    }
    if sizes.get("SwapTotal"):
        values["swap.used"] = sizes["SwapTotal"] - sizes.get("SwapFree", 0)
    return values


def decode_loadavg(text: str) -> float:
    """Read the load of the last minute from /proc/loadavg.

    Raises:
        DecodeError: not a number.
    """
    return _float(text.split()[:1], "/proc/loadavg", text)


def decode_uptime(text: str) -> float:
    """Read the seconds since the start from /proc/uptime.

    Raises:
        DecodeError: not a number.
    """
    return _float(text.split()[:1], "/proc/uptime", text)


def decode_net_dev(text: str, interface: str) -> Mapping[str, int]:
    """Read the bytes that an interface has received and sent from /proc/net/dev.

    Raises:
        DecodeError: there is no such interface.
    """
    for line in text.splitlines():
        name, separator, rest = line.partition(":")
        if separator and name.strip() == interface:
            columns = rest.split()
            if len(columns) < _NET_COLUMN_COUNT:
                break
            return {
                f"network.{interface}.received": _integer(columns[0], "/proc/net/dev"),
                f"network.{interface}.sent": _integer(columns[_SENT_COLUMN], "/proc/net/dev"),
            }
    raise DecodeError(f"/proc/net/dev has no interface {interface!r}")


def decode_temperature(text: str, where: str) -> float:
    """Read a thermal zone, which tells thousandths of a degree Celsius.

    Raises:
        DecodeError: not a number, or one that no running computer has.
    """
    temperature_c = _integer(text.strip(), where) / _MILLIDEGREES
    if not _TEMPERATURE_C_MIN <= temperature_c <= _TEMPERATURE_C_MAX:
        raise DecodeError(f"{where}: {temperature_c} degrees Celsius")
    return temperature_c


def _integer(text: str, where: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise DecodeError(f"{where}: {text[:80]!r} is not a whole number")
    return int(text)


def _float(words: list[str], where: str, text: str) -> float:
    try:
        (word,) = words
        return checked(float(word), where)
    except ValueError as error:
        raise DecodeError(f"{where}: {text[:80]!r} does not begin with a number") from error
