"""Read an eGauge meter: cumulative registers, and power from how they rise.

Source: eGauge Systems LLC, "eGauge XML API", v1.51, section 2 (units), 3 (instantaneous data);
registers are signed 64-bit integers that wrap around, in the unit of the register times seconds.
"""

import random
import re
from dataclasses import dataclass, field
from typing import Annotated
from xml.etree import ElementTree as ET

from pydantic import Field, StringConstraints

from producers.drivers._answers import at_present, quoting
from producers.drivers._http import HttpClient, HttpSource
from producers.drivers._values import checked, field_name
from producers.drivers._xml import local_name, parse_xml
from weir.codec.encode import Value
from weir.driver import Driver, DriverConfiguration, Poll, Polled
from weir.errors import DecodeError
from weir.model.announcement import FieldDescription, Kind
from weir.model.limits import FIELD_COUNT_MAX

#: By the type of a register: the field's ending, its unit (UCUM), and what one is of the meter's.
_RATES: dict[str, tuple[str, str, float]] = {
    "P": ("power", "W", 1.0),
    "S": ("apparent_power", "V.A", 1.0),
    "V": ("voltage", "V", 0.001),
    "I": ("current", "A", 0.001),
    "F": ("frequency", "Hz", 0.001),
    "T": ("temperature", "Cel", 0.001),
}
_POWER = "P"
#: Totals and virtual registers are given when asked for (section 3.1).
_WITH_TOTALS = {"tot": ""}
#: Each register gives at most two fields.
REGISTER_COUNT_MAX = FIELD_COUNT_MAX // 2
_WRAP = 2**64
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_S64 = range(-(2**63), 2**63)

_Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]


class EgaugeConfiguration(HttpSource, DriverConfiguration):
    """Where the meter is, and which of its registers are wanted."""

    registers: tuple[_Name, ...] = Field(
        (), max_length=REGISTER_COUNT_MAX, description="names in the meter; none: all that it has"
    )


@dataclass(frozen=True, slots=True)
class Register:
    """One register: `type` as the meter writes it, `total` in its unit times seconds."""

    type: str
    total: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All registers at one moment; `time_s`: the meter's clock, seconds since 1970."""

    time_s: int
    registers: dict[str, Register] = field(default_factory=dict)


class Egauge(Driver[EgaugeConfiguration]):
    """A meter of energy. Power, voltage and so on are means over the time since the poll before."""

    name = "egauge"
    model = "egauge-1"
    configuration_class = EgaugeConfiguration

    def __init__(self, configuration: EgaugeConfiguration, rng: random.Random) -> None:
        super().__init__(configuration, rng)
        self._client = HttpClient(self.name, configuration)
        self._earlier: Snapshot | None = None
        self._seen: dict[str, FieldDescription] = {}

    @property
    def fields(self) -> tuple[FieldDescription, ...]:
        """What the meter's registers have given until now."""
        return tuple(self._seen.values())

    async def read(self, poll: Poll) -> Polled:
        """Fetch all registers, and compare them with those of the poll before.

        Raises:
            DecodeError: not the XML of an eGauge, or a register is missing.
            DeviceUnavailableError: the meter does not answer.
        """
        address = self.configuration.url.rstrip("/")
        answer = await self._client.get(f"{address}/cgi-bin/egauge", _WITH_TOTALS)
        with quoting(answer):
            snapshot = decode(answer, self.configuration.registers)
            # Kept in any case, so that a clock that was set back is a problem once.
            earlier, self._earlier = self._earlier, snapshot
            values = values_of(snapshot, earlier)
        for description in describe(snapshot):
            self._seen.setdefault(description.name, description)
        return Polled(at_present(poll, values))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


def decode(answer: bytes, wanted: tuple[str, ...] = ()) -> Snapshot:
    """Read the meter's answer; `wanted`: names of registers, none: all.

    Raises:
        DecodeError: not such an answer, or a wanted register is missing.
    """
    root = parse_xml(answer)
    if local_name(root) != "data":
        raise DecodeError(f"an element {local_name(root)!r}, where eGauge writes 'data'")
    registers: dict[str, Register] = {}
    for element in root.iter("r"):
        name = element.get("n", "")
        if wanted and name not in wanted:
            continue
        if name in registers:
            raise DecodeError(f"two registers are called {name!r}")
        registers[name] = Register(element.get("t", ""), _integer(element, "v", name))
    missing = [name for name in wanted if name not in registers]
    if missing:
        raise DecodeError(f"no register {missing[0]!r}")
    if len(registers) > REGISTER_COUNT_MAX:
        raise DecodeError(f"{len(registers)} registers, over {REGISTER_COUNT_MAX}: choose some")
    return Snapshot(_integer(root, "ts", "data"), registers)


def values_of(snapshot: Snapshot, earlier: Snapshot | None) -> dict[str, Value]:
    """Give the totals of energy, and what flowed in the mean since an earlier snapshot.

    Raises:
        DecodeError: the meter's clock went back, or a total that is not stored exactly.
    """
    values: dict[str, Value] = {}
    elapsed_s = 0 if earlier is None else snapshot.time_s - earlier.time_s
    if elapsed_s < 0:
        raise DecodeError(f"the meter's clock went back by {-elapsed_s} s")
    for name, register in snapshot.registers.items():
        if register.type == _POWER:
            energy = f"{field_name(name)}.energy"
            values[energy] = checked(register.total, energy)
        before = earlier.registers.get(name) if earlier is not None else None
        if before is not None and elapsed_s:
            ending, _, factor = _rate(register)
            risen = _difference(register.total, before.total)
            values[f"{field_name(name)}.{ending}"] = risen * factor / elapsed_s
    return values


def describe(snapshot: Snapshot) -> list[FieldDescription]:
    """Describe the fields of a snapshot's registers."""
    fields = []
    for name, register in snapshot.registers.items():
        ending, unit, _ = _rate(register)
        title = f"{name}, mean {ending.replace('_', ' ')}"
        fields.append(FieldDescription(f"{field_name(name)}.{ending}", unit, title))
        if register.type == _POWER:
            fields.append(
                FieldDescription(f"{field_name(name)}.energy", "J", f"{name}, energy", Kind.TOTAL)
            )
    return fields


def _rate(register: Register) -> tuple[str, str, float]:
    return _RATES.get(register.type, ("rate", "", 1.0))


def _difference(later: int, earlier: int) -> int:
    """Subtract as the meter counts: after 2^63 - 1 comes -2^63."""
    risen = (later - earlier) % _WRAP
    return risen if risen < _WRAP // 2 else risen - _WRAP


def _integer(parent: ET.Element, tag: str, where: str) -> int:
    text = (parent.findtext(tag) or "").strip()
    if _INTEGER.fullmatch(text) is None or int(text) not in _S64:
        raise DecodeError(f"{where}: {text[:40]!r} in <{tag}> is not a 64-bit integer")
    return int(text)
